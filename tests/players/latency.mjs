// Glass-to-glass latency of a live stream whose pictures carry `nexus encoder`'s barcode, as JSON.
//
//   node tests/players/latency.mjs URL [SECONDS] [HLS.JS CONFIGURATION AS JSON]
//
// The encoder's machine and this one must agree on the time of day; drift does not depend on that.
import { measure } from "./live.mjs";
import { startBrowser, startPage } from "./support.mjs";

const [url, seconds = "60", config = "{}"] = process.argv.slice(2);
if (!url || !(Number(seconds) > 0)) {
  console.error("usage: node latency.mjs URL [SECONDS] [CONFIG]\n  such as: node latency.mjs http://127.0.0.1:8080/live/CHANNEL/hls.m3u8 120");
  process.exit(2);
}
const page = await startPage();
const browser = await startBrowser();
try {
  const { figures } = await measure(browser, page.url, url, Number(seconds), JSON.parse(config));
  console.log(JSON.stringify(figures, null, 2));
} finally {
  await browser.close();
  await page.stop();
}
