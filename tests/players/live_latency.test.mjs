// A viewer of a live channel, from the synthetic encoder to the pixels of Chromium: it plays, in order, without a stall,
// and how late is known. How late it may be is measured by latency.mjs, not asserted: a test machine is shared.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { measure } from "./live.mjs";
import { startBrowser, startChannel, startPage, startServer } from "./support.mjs";

const SECONDS = 25;
/** Far beyond what is promised: later than this, the player does not play at the live edge at all. */
const LATENCY_MS_MAX = 6000;
/** Share of the time's frames that must have been read; the browser's own count covers what callbacks missed. */
const READ_MIN = 0.5;
const FPS = 30;

let server, encoder, page, browser;

before(async () => {
  server = await startServer();
  encoder = await startChannel(server);
  page = await startPage();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await page?.stop();
  await encoder?.stop();
  await server?.stop();
});

test("hls.js plays a live channel at its edge", async () => {
  const { figures } = await measure(browser, page.url, encoder.hls, SECONDS);
  const told = `${JSON.stringify(figures)}\n${encoder.log()}\n${server.log()}`;
  assert.deepEqual(figures.errors.filter((error) => error.includes("fatal")), [], told);
  assert.deepEqual(figures.stalls_ms, [], told);
  assert.equal(figures.out_of_order, 0, told);
  assert.ok(figures.frames_read >= figures.seconds * FPS * READ_MIN && figures.seconds > SECONDS / 2, told);
  assert.ok(figures.glass_to_glass_ms.min > 0 && figures.glass_to_glass_ms.max < LATENCY_MS_MAX, told);
  assert.ok(figures.beeps > 0, told);
  console.log(JSON.stringify(figures));
});
