// Three players in Chromium: every frame once and in order, an end, no stall.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeFilm, startBrowser, startPage, startServer, upload } from "./support.mjs";

const SECONDS = 12;
const FPS = 25;
/** Share of all frames that must be seen. */
const SHARE_MIN = 0.99;
/** Longest stall, in ms. */
const STALL_MS_MAX = 250;

let server, page, browser, asset;

before(async () => {
  server = await startServer();
  const film = await makeFilm(server, SECONDS, "--size", "640x360", "--rate", String(FPS));
  asset = await upload(server, film, "--visibility", "public");
  assert.equal(asset.state, "ready", JSON.stringify(asset));
  page = await startPage();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await page?.stop();
  await server?.stop();
});

async function watch(player, url) {
  const tab = await browser.newPage();
  try {
    await tab.goto(page.url);
    await tab.waitForFunction(() => window.ready);
    return await tab.evaluate(([name, from]) => window.watch(name, from, 60_000), [player, url]);
  } finally {
    await tab.close();
  }
}

function judge(seen) {
  const frames = seen.frames.map(([frame]) => frame);
  const told = JSON.stringify({ ...seen, frames: `${frames.length}: ${frames.slice(0, 5)} … ${frames.slice(-5)}` });
  assert.equal(seen.error, null, told);
  assert.ok(seen.ended, told);
  assert.ok(frames.every((frame, index) => index === 0 || frame > frames[index - 1]), `out of order: ${told}`);
  assert.ok(frames.length >= SECONDS * FPS * SHARE_MIN, told);
  assert.deepEqual(seen.stalls.filter((stall) => stall > STALL_MS_MAX), [], told);
  // What a frame's time says must be what its barcode says.
  const late = seen.frames.map(([frame, time]) => Math.abs(time - frame / FPS));
  assert.ok(Math.max(...late) < 0.5 / FPS, `times: ${told}`);
  console.log(`frames ${frames.length} of ${SECONDS * FPS}, stalls ${seen.stalls.length}`);
}

test("hls.js plays HLS", async () => judge(await watch("hls.js", asset.hls)));
test("shaka-player plays HLS", async () => judge(await watch("shaka", asset.hls)));
test("dash.js plays DASH", async () => judge(await watch("dash.js", asset.dash)));
test("shaka-player plays DASH", async () => judge(await watch("shaka", asset.dash)));
