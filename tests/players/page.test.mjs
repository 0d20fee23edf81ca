// The page itself, as a creator and a viewer use it: sign in, drop a film, follow it, watch it, share it, delete it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { makeFilm, startBrowser, startServer, upload } from "./support.mjs";

const PATIENCE = 120_000;

let server, browser, film;

before(async () => {
  server = await startServer();
  film = await makeFilm(server, 8, "--size", "640x360", "--rate", "25", "--title", "A day by the sea");
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const on = (page, name) => page.getByTestId(name).first();

async function openPage(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (line) => line.text().includes("Content Security Policy") && page.problems.push(line.text()));
  return page;
}

async function signIn(page) {
  await page.goto(server.url);
  await on(page, "api-key").fill(server.key);
  await on(page, "api-key").press("Enter");
  await on(page, "library").or(on(page, "empty-library")).waitFor({ timeout: PATIENCE });
}

async function api(page, path, options) {
  return page.evaluate(async ([from, more]) => (await fetch(from, more)).json(), [path, options]);
}

test("a creator drops a film on the page, follows it and watches it", async () => {
  const page = await openPage();
  await signIn(page);
  const bytes = (await readFile(film)).toString("base64");
  const dropped = await page.evaluateHandle((encoded) => {
    const data = new DataTransfer();
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
    data.items.add(new File([bytes], "sea.mp4", { type: "video/mp4" }));
    return data;
  }, bytes);
  for (const event of ["dragenter", "dragover", "drop"]) {
    await page.dispatchEvent("body", event, { dataTransfer: dropped });
  }
  await on(page, "transfer").waitFor({ timeout: PATIENCE });
  await on(page, "transfer-watch").waitFor({ timeout: PATIENCE });
  const { items } = await api(page, "/api/v1/assets");
  assert.equal(items.length, 1);
  const id = items[0].id;
  await page.waitForFunction(
    async (asset) => (await (await fetch(`/api/v1/assets/${asset}`)).json()).state === "ready",
    id,
    { timeout: PATIENCE, polling: 500 },
  );
  await page.goto(`${server.url}/watch/${id}`);
  await on(page, "player").waitFor({ timeout: PATIENCE });
  await page.keyboard.press("k");
  await page.waitForFunction(() => document.querySelector("video")?.currentTime > 1, null, { timeout: PATIENCE });
  await page.keyboard.press("k");
  assert.equal(await page.evaluate(() => document.querySelector("video").paused), true);
  const before = await page.evaluate(() => document.querySelector("video").currentTime);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((from) => document.querySelector("video").currentTime > from + 1, before);
  await page.keyboard.press("?");
  await on(page, "help").waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("a viewer without a key watches by link, embedded too, and finds no library", async () => {
  const asset = await upload(server, film, "--title", "Open to all", "--visibility", "public");
  const page = await openPage();
  await page.goto(`${server.url}/embed/${asset.asset}`);
  await on(page, "centre-play").click();
  await page.waitForFunction(() => document.querySelector("video")?.currentTime > 0.5, null, { timeout: PATIENCE });
  await page.goto(server.url);
  await on(page, "sign-in").waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("a private film is watched by its token alone", async () => {
  const { asset } = await upload(server, film, "--title", "For few", "--visibility", "private");
  const page = await openPage();
  await page.goto(`${server.url}/watch/${asset}`);
  await page.waitForTimeout(500);
  assert.equal(await page.locator("video").count(), 0);
  const answer = await fetch(`${server.url}/api/v1/assets/${asset}/token`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json" },
    body: "{}",
  });
  await page.goto((await answer.json()).watch);
  await on(page, "player").waitFor({ timeout: PATIENCE });
  await page.keyboard.press("k");
  await page.waitForFunction(() => document.querySelector("video")?.currentTime > 0.5, null, { timeout: PATIENCE });
  await page.context().close();
});
