// Three players in Chromium: every frame once and in order, an end, no stall.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { makeFilm, startBrowser, startPage, startServer, upload } from "./support.mjs";

const SECONDS = 12;
const FPS = 25;
/**
 * Four players share two cores and no graphics card. At a quarter of the speed each frame stays long enough on the
 * screen for a busy machine to present it; stalls are measured in real time all the same.
 */
const RATE = 0.25;
/** Share of all frames that must be presented. */
const SHARE_MIN = 0.99;
/** Share of all frames whose barcode must be read; the rest lies between two that were, in a known number. */
const READ_MIN = 0.5;
/** Longest stall, in ms. */
const STALL_MS_MAX = 250;

let server, page, browser, asset;

before(async () => {
  server = await startServer("transcode.heights=180,120");
  const film = await makeFilm(server, SECONDS, "--size", "320x180", "--rate", String(FPS));
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
    return await tab.evaluate((how) => window.watch(how), { player, url, rate: RATE, patienceMs: 120_000 });
  } finally {
    await tab.close();
  }
}

/**
 * Frames that were on the screen. A late main thread misses a callback, not the frame: between two frames that were
 * read, the browser's own count says how many it presented.
 */
function countPresented(frames) {
  const before = Math.min(frames[0].frame + 1, frames[0].presented);
  const steps = frames.slice(1).map((next, index) => {
    const last = frames[index];
    return Math.min(next.frame - last.frame, next.presented - last.presented);
  });
  return steps.reduce((sum, step) => sum + step, before);
}

function judge(name, seen) {
  // The same picture at the same time is reported again when the page is drawn again.
  const frames = seen.frames.filter(({ time }, index) => time !== seen.frames[index - 1]?.time);
  const told = JSON.stringify({ ...seen, frames: frames.map(({ frame, presented }) => `${frame}/${presented}`).join(" ") });
  assert.equal(seen.error, null, told);
  assert.equal(seen.rate, RATE, told);
  assert.ok(seen.ended && Math.abs(seen.position - SECONDS) < 1 / FPS, `no end: ${told}`);
  assert.ok(frames.every(({ frame }, index) => index === 0 || frame > frames[index - 1].frame), `out of order: ${told}`);
  assert.equal(seen.unread, 0, told);
  assert.ok(frames.length >= SECONDS * FPS * READ_MIN, `too few read: ${told}`);
  const presented = countPresented(frames);
  assert.ok(presented >= SECONDS * FPS * SHARE_MIN, `${presented} presented: ${told}`);
  assert.deepEqual(seen.stalls.filter((stall) => stall > STALL_MS_MAX), [], told);
  // What a frame's time says must be what its barcode says.
  const late = frames.map(({ frame, time }) => Math.abs(time - frame / FPS));
  assert.ok(Math.max(...late) < 0.5 / FPS, `times: ${told}`);
  console.log(`${name}: ${presented} frames of ${SECONDS * FPS}, ${frames.length} read, ${seen.stalls.length} stalls`);
}

const plays = (name, player, address) => test(name, async () => judge(name, await watch(player, asset[address])));

describe("players", { concurrency: true }, () => {
  plays("hls.js plays HLS", "hls.js", "hls");
  plays("shaka-player plays HLS", "shaka", "hls");
  plays("dash.js plays DASH", "dash.js", "dash");
  plays("shaka-player plays DASH", "shaka", "dash");
});
