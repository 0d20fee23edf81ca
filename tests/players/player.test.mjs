// The player: quality, speed, keys, picture in picture, full screen, and the place where one left.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeFilm, startBrowser, startServer, upload } from "./support.mjs";
import { closePage, on, openPage, playedTo, video } from "./visitor.mjs";

const SECONDS = 30;

let server, browser, address;

before(async () => {
  server = await startServer();
  const film = await makeFilm(server, SECONDS, "--size", "640x360", "--rate", "25");
  const { asset } = await upload(server, film, "--title", "A day by the sea", "--visibility", "public");
  address = `${server.url}/watch/${asset}`;
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function openPlayer(options) {
  const page = await openPage(browser, options);
  await page.goto(address);
  await page.locator('[data-testid="player"][data-state="paused"]').waitFor();
  return page;
}

/** Presses a key and waits until what it does is true. */
async function press(page, key, isTrue, value) {
  await page.keyboard.press(key);
  await page.waitForFunction(isTrue, value, { timeout: 10_000 });
}

async function choose(page, menu, name) {
  await on(page, menu).click();
  await page.getByRole("menuitemradio", { name }).click();
}

test("the quality is chosen by hand and given back to the player", async () => {
  const page = await openPlayer();
  for (const height of [234, 360]) {
    await choose(page, "quality", new RegExp(`^${height}p`));
    await page.keyboard.press("k");
    await page.waitForFunction((rung) => document.querySelector("video").videoHeight === rung, height);
    await page.locator(`[data-testid="player"][data-level="${height}"]`).waitFor();
    await page.keyboard.press("k");
  }
  await choose(page, "quality", /^Auto/);
  await on(page, "quality").click();
  assert.equal(await page.getByRole("menuitemradio", { name: /^Auto/ }).getAttribute("aria-checked"), "true");
  await closePage(page);
});

test("the speed is chosen by menu and by key", async () => {
  const page = await openPlayer();
  await choose(page, "speed", "1.5×");
  assert.equal(await video(page, "playbackRate"), 1.5);
  await press(page, ">", () => document.querySelector("video").playbackRate === 1.75);
  await press(page, "<", () => document.querySelector("video").playbackRate === 1.5);
  const began = Date.now();
  await page.keyboard.press("k");
  await playedTo(page, 6);
  assert.ok(Date.now() - began < 6_000, "faster than the clock");
  await closePage(page);
});

test("every key does what the list of keys says", async () => {
  const page = await openPlayer();
  const at = (low, high) => [(range) => {
    const { currentTime, seeking } = document.querySelector("video");
    return !seeking && currentTime >= range[0] && currentTime <= range[1];
  }, [low, high]];
  await press(page, "k", () => !document.querySelector("video").paused);
  await press(page, " ", () => document.querySelector("video").paused);
  await press(page, "0", ...at(0, 0.1));
  await press(page, "l", ...at(9.9, 10.1));
  await press(page, "ArrowRight", ...at(14.9, 15.1));
  await press(page, "j", ...at(4.9, 5.1));
  await press(page, "ArrowLeft", ...at(0, 0.1));
  await press(page, "5", ...at(14.9, 15.1));
  await press(page, ".", ...at(15.03, 15.05));
  await press(page, ",", ...at(14.9, 15.01));
  await press(page, "m", () => document.querySelector("video").muted);
  await press(page, "m", () => !document.querySelector("video").muted);
  await on(page, "play").focus();
  await press(page, "ArrowDown", () => Math.abs(document.querySelector("video").volume - 0.95) < 0.001);
  await press(page, "ArrowUp", () => document.querySelector("video").volume === 1);
  await press(page, "t", () => document.querySelector(".watch-theatre") !== null);
  await press(page, "t", () => document.querySelector(".watch-theatre") === null);
  await press(page, "f", () => document.fullscreenElement !== null);
  await press(page, "f", () => document.fullscreenElement === null);
  await page.keyboard.press("?");
  await on(page, "help-dialog").waitFor();
  await page.keyboard.press("Escape");
  await on(page, "help-dialog").waitFor({ state: "detached" });
  await closePage(page);
});

test("the picture goes into a window of its own and back", async () => {
  const page = await openPlayer();
  const inside = () => document.pictureInPictureElement === document.querySelector("video");
  await on(page, "pip").click();
  await page.waitForFunction(inside);
  await press(page, "p", () => document.pictureInPictureElement === null);
  await press(page, "p", inside);
  await closePage(page);
});

test("a film goes on where it was left, and starts over when asked", async () => {
  const page = await openPlayer();
  await page.keyboard.press("5");
  await page.keyboard.press("k");
  await playedTo(page, 16);
  await page.keyboard.press("k");
  const left = await video(page, "currentTime");
  await page.goto("about:blank");
  await page.goto(address);
  await on(page, "resumed").waitFor();
  await page.waitForFunction(() => document.querySelector("video").readyState >= 2);
  assert.ok(Math.abs((await video(page, "currentTime")) - left) < 0.5);
  await page.getByRole("button", { name: "Start over" }).click();
  await page.waitForFunction(() => document.querySelector("video").currentTime < 0.1);
  await closePage(page);
});

test("on a phone two taps at the side go back and forth", async () => {
  const page = await openPlayer({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const box = await on(page, "player").boundingBox();
  const [x, y] = [box.x + box.width * 0.9, box.y + box.height * 0.4];
  await page.touchscreen.tap(x, y);
  await page.touchscreen.tap(x, y);
  await page.waitForFunction(() => document.querySelector("video").currentTime >= 9.9);
  assert.ok(box.width <= 390);
  await closePage(page);
});
