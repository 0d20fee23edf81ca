// Captions: chosen from the menu or by key, and seen on the picture.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { makeFilm, startBrowser, startServer, upload } from "./support.mjs";
import { closePage, on, openPage } from "./visitor.mjs";

const run = promisify(execFile);
const ENGLISH = "1\n00:00:01,000 --> 00:00:05,000\nGood <i>morning</i>\n\n2\n00:00:05,500 --> 00:00:09,500\nAcross segments\n";
const GERMAN = "1\n00:00:01,000 --> 00:00:05,000\nGuten Morgen\n";

let server, browser, address;

/** A film with a text track in each of two languages. */
async function withText(film) {
  const [english, german, made] = ["en.srt", "de.srt", "text.mkv"].map((name) => join(server.data, name));
  await writeFile(english, ENGLISH);
  await writeFile(german, GERMAN);
  const inputs = [film, english, german].flatMap((file) => ["-i", file]);
  const maps = [0, 1, 2].flatMap((input) => ["-map", String(input)]);
  const languages = ["-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=deu"];
  const shown = ["-disposition:s:0", "0", "-disposition:s:1", "0"];
  await run("ffmpeg", ["-v", "error", ...inputs, ...maps, ...languages, ...shown, "-c", "copy", "-c:s", "srt", made]);
  return made;
}

before(async () => {
  server = await startServer();
  const film = await makeFilm(server, 12, "--size", "640x360", "--rate", "25");
  const { asset } = await upload(server, await withText(film), "--title", "Words", "--visibility", "public");
  address = `${server.url}/watch/${asset}`;
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function openPlayer() {
  const page = await openPage(browser);
  await page.goto(address);
  await page.locator('[data-testid="player"][data-state="paused"]').waitFor();
  await on(page, "captions").waitFor();
  return page;
}

/** Goes to a moment and waits until exactly these words are shown there. */
async function shownAt(page, seconds, words) {
  await page.evaluate((to) => (document.querySelector("video").currentTime = to), seconds);
  await page.waitForFunction((wanted) => {
    const shown = [...document.querySelector("video").textTracks].filter(({ mode }) => mode === "showing");
    const cues = shown.flatMap(({ activeCues }) => [...(activeCues ?? [])]).map(({ text }) => text);
    return JSON.stringify(cues) === JSON.stringify(wanted);
  }, words);
}

async function choose(page, name) {
  await on(page, "captions").click();
  await page.getByRole("menuitemradio", { name, exact: true }).click();
}

test("captions are chosen from the menu, cue by cue, across segments", async () => {
  const page = await openPlayer();
  assert.equal(await on(page, "captions").getAttribute("aria-label"), "Captions: off");
  await shownAt(page, 2, []);
  await choose(page, "English");
  await shownAt(page, 2, ["Good <i>morning</i>"]);
  await shownAt(page, 5.2, []);
  await shownAt(page, 5.8, ["Across segments"]);
  await shownAt(page, 6.8, ["Across segments"]);
  await choose(page, "German");
  await shownAt(page, 2, ["Guten Morgen"]);
  assert.equal(await on(page, "captions").getAttribute("aria-label"), "Captions: German");
  await choose(page, "Off");
  await shownAt(page, 2, []);
  await closePage(page);
});

test("the key c turns captions on, and back on as they were", async () => {
  const page = await openPlayer();
  await page.keyboard.press("c");
  await shownAt(page, 2, ["Good <i>morning</i>"]);
  await choose(page, "German");
  await shownAt(page, 2, ["Guten Morgen"]);
  await page.keyboard.press("c");
  await shownAt(page, 3, []);
  await page.keyboard.press("c");
  await shownAt(page, 2, ["Guten Morgen"]);
  await closePage(page);
});
