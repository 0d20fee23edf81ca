// A channel from its making to its end: made on the page, sent to by ffmpeg as the page says, watched in Chromium.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser, startEncoder, startServer } from "./support.mjs";
import { apiAsOwner, closePage, on, openPage, playedTo, signIn, video } from "./visitor.mjs";

/** From the server to the screen, in ms. */
const LATENCY_MS_MAX = 5_000;

let server, browser;
const encoders = [];

before(async () => {
  server = await startServer("transcode.workers=0");
  browser = await startBrowser();
});

after(async () => {
  for (const encoder of encoders) await encoder.stop("SIGKILL");
  await browser?.close();
  await server?.stop();
});

function send(address, options) {
  const encoder = startEncoder(address, options);
  encoders.push(encoder);
  return encoder;
}

/** A channel made with a key. */
async function makeChannel(choices) {
  const made = await apiAsOwner(server, "/api/v1/channels", { method: "POST", body: JSON.stringify(choices) });
  assert.equal(made.status, 201);
  const { channel, rtmp, key } = await made.json();
  return { channel, address: `${rtmp}/${key}` };
}

/** The last value of a chart, once it satisfies. */
async function charted(page, title, fits) {
  const chart = page.locator(`[data-testid="chart"][data-title="${title}"]`);
  for (;;) {
    const last = Number(await chart.getAttribute("data-last"));
    if (fits(last)) return last;
    await page.waitForTimeout(500);
  }
}

test("a channel is made, sent to with the settings shown, watched, and ended", async () => {
  const room = await openPage(browser);
  await signIn(room, server);
  await on(room, "channels-link").click();
  await on(room, "add-channel").click();
  await room.getByLabel("Name").fill("The studio");
  await room.getByRole("radio", { name: "Public" }).check();
  await on(room, "create-channel").click();
  await on(room, "stream-key").waitFor();
  const [address, key] = [await on(room, "key-server").inputValue(), await on(room, "key").inputValue()];
  assert.match(address, /^rtmp:\/\/127\.0\.0\.1:\d+\/live$/);
  await on(room, "key-kept").click();
  assert.equal(await on(room, "obs-server").inputValue(), address);
  assert.equal(await on(room, "obs-key").inputValue(), key);
  assert.ok((await on(room, "ffmpeg-rtmp").inputValue()).endsWith(`-f flv "${address}/${key}"`));

  // A viewer who came too early waits, and the broadcast begins before their eyes.
  const viewer = await openPage(browser);
  const watched = await on(room, "to-watch").getAttribute("href");
  await viewer.goto(server.url + watched);
  await on(viewer, "off-air").waitFor();
  const encoder = send(`${address}/${key}`);
  await room.locator('[data-testid="room"][data-state="live"]').waitFor();
  await viewer.locator('[data-testid="player"][data-state="playing"][data-live="edge"]').waitFor();
  const begun = await video(viewer, "currentTime");
  await playedTo(viewer, begun + 5);
  const latency = Number(await on(viewer, "player").getAttribute("data-latency"));
  assert.ok(latency > 0 && latency < LATENCY_MS_MAX, `${latency} ms`);
  await on(viewer, "live-position").getByText(/^\d\.\d s$/).waitFor();

  // The control room shows what comes, and who watches.
  await room.locator('[data-testid="preview"] [data-testid="player"][data-state="playing"]').waitFor();
  await charted(room, "Bitrate", (bits) => bits > 200_000 && bits < 3_000_000);
  await charted(room, "Frames a second", (frames) => frames >= 25 && frames <= 35);
  await charted(room, "Key frame interval", (ms) => ms >= 1_800 && ms <= 2_200);
  await charted(room, "Left out", (dropped) => dropped === 0);
  await on(room, "health").getByText("640×360 H.264, AAC 48 kHz").waitFor();
  await on(room, "warnings").getByText("All is well.").waitFor();
  await on(room, "audience").getByText(/^1 viewer, \d\.\d s behind you/).waitFor();

  // Back and to the edge again, with the keys of every player.
  await viewer.keyboard.press("j");
  await viewer.locator('[data-testid="player"][data-live="behind"]').waitFor();
  await on(viewer, "go-live").click();
  await viewer.locator('[data-testid="player"][data-live="edge"]').waitFor();
  assert.equal(await video(viewer, "paused"), false);

  // Ended from here: the encoder is sent away, the viewer is told why, and so is the creator.
  await on(room, "kick").click();
  await on(room, "confirm").click();
  await room.locator('[data-testid="room"][data-state="ended"]').waitFor();
  await encoder.gone;
  await on(viewer, "off-air").getByText("The broadcast was ended by the channel’s owner.").waitFor();
  await on(room, "broadcasts").getByText("Ended from here").waitFor();
  await closePage(viewer);
  await closePage(room);
});

test("an interruption is waited out in the same player", async () => {
  const { channel, address } = await makeChannel({ name: "Shaky", visibility: "public" });
  const first = send(address);
  const viewer = await openPage(browser);
  await viewer.goto(`${server.url}/watch/live/${channel}`);
  await viewer.locator('[data-testid="player"][data-state="playing"]').waitFor();
  await viewer.evaluate(() => (document.querySelector("video").mark = "the same"));
  await playedTo(viewer, (await video(viewer, "currentTime")) + 3);
  await first.stop("SIGKILL");
  await on(viewer, "recovering").waitFor();
  const second = send(address);
  await on(viewer, "recovering").waitFor({ state: "detached" });
  await playedTo(viewer, (await video(viewer, "currentTime")) + 3);
  assert.equal(await video(viewer, "mark"), "the same");
  await second.stop();
  await on(viewer, "off-air").getByText("The broadcast is over.").waitFor();
  await closePage(viewer);
});

test("what is wrong with a stream is said in words", async () => {
  const { channel, address } = await makeChannel({ name: "Odd" });
  const encoder = send(address, { gop: 240, sound: false });
  const room = await openPage(browser);
  await signIn(room, server, `/channels/${channel}`);
  await on(room, "warnings").getByText("There is no sound: the encoder sends none.").waitFor();
  await on(room, "warnings").getByText("Key frames come every 8 s; viewers need one every 4 s.").waitFor();
  await encoder.stop();
  await closePage(room);
});

test("a private channel is watched with a token and there for nobody else", async () => {
  const { channel, address } = await makeChannel({ name: "Closed", visibility: "private" });
  const encoder = send(address);
  const stranger = await openPage(browser);
  await stranger.goto(`${server.url}/watch/live/${channel}`);
  await stranger.getByText("There is nothing to watch here").waitFor();
  await closePage(stranger);
  const shown = await (await apiAsOwner(server, `/api/v1/channels/${channel}`)).json();
  const token = /\/p\/([^/]+)\//.exec(shown.hls)[1];
  const guest = await openPage(browser);
  await guest.goto(`${server.url}/watch/live/${channel}?token=${token}`);
  await guest.locator('[data-testid="player"][data-state="playing"]').waitFor();
  await encoder.stop();
  await closePage(guest);
});
