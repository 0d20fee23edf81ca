// The page as a creator and a viewer use it: sign in, drop a film, follow it, find it, share it, delete it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeFilm, startBrowser, startPage, startServer, upload } from "./support.mjs";
import { apiAsOwner, closePage, drop, on, openPage, playedTo, signIn, video } from "./visitor.mjs";

let server, browser, elsewhere, film;

before(async () => {
  server = await startServer();
  film = await makeFilm(server, 24, "--size", "640x360", "--rate", "25", "--title", "A day by the sea");
  browser = await startBrowser();
  elsewhere = await startPage();
});

after(async () => {
  await browser?.close();
  await elsewhere?.stop();
  await server?.stop();
});

/** Notes every percentage that a track shows, and what the page asks the server meanwhile. */
async function noteProgress(page) {
  const asked = [];
  page.on("request", (request) => asked.push({ type: request.resourceType(), path: new URL(request.url()).pathname }));
  await page.evaluate(() => {
    window.shown = {};
    const note = () => {
      for (const { dataset } of document.querySelectorAll("[data-track]")) {
        const percents = (window.shown[dataset.track] ??= []);
        if (percents.at(-1) !== Number(dataset.percent)) percents.push(Number(dataset.percent));
      }
    };
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  return asked;
}

test("a wrong key is refused in words", async () => {
  const page = await openPage(browser);
  await page.goto(server.url);
  await on(page, "other-sign-in").click();
  await on(page, "api-key").fill("nx_wrong");
  await on(page, "sign-in").click();
  await page.getByText("This key is not known").waitFor();
  await closePage(page);
});

test("a creator drops a film, follows each rung live, and finds it with its poster", async () => {
  const page = await openPage(browser);
  const feed = page.waitForRequest((request) => request.url().endsWith("/api/v1/events"));
  await signIn(page, server);
  await on(page, "empty-library").waitFor();
  assert.equal((await feed).resourceType(), "eventsource");
  const asked = await noteProgress(page);
  await drop(page, film);
  await page.locator('[data-testid="transfer"][data-state="ready"]').waitFor();
  const id = await on(page, "transfer").getAttribute("data-asset");

  const shown = await page.evaluate(() => window.shown);
  assert.deepEqual(Object.keys(shown).filter((track) => track.startsWith("video")).sort(), ["video-234", "video-360"]);
  for (const [track, percents] of Object.entries(shown)) {
    assert.ok(percents.every((percent, at) => at === 0 || percent > percents[at - 1]), `${track}: ${percents}`);
  }
  const between = Object.values(shown).flat().filter((percent) => percent > 0 && percent < 100);
  assert.ok(between.length >= 4, `seen on the way: ${JSON.stringify(shown)}`);
  const polls = asked.filter(({ path }) => path === `/api/v1/assets/${id}`);
  assert.ok(polls.length <= 2, `progress comes with the feed, not by asking: ${JSON.stringify(asked)}`);

  const card = page.locator(`[data-asset="${id}"][data-testid="asset-card"]`);
  await card.locator("img.poster-loaded").waitFor();
  assert.ok(await card.locator("img").evaluate((image) => image.naturalWidth >= 320), "a poster has a picture");
  assert.equal(await card.locator(".card-duration").innerText(), "0:24");
  await closePage(page);
});

test("a link with its moment and the embed code play for somebody without a key", async () => {
  const { asset } = await upload(server, film, "--title", "Open to all", "--visibility", "public");
  const owner = await openPage(browser, { permissions: ["clipboard-read", "clipboard-write"] });
  await signIn(owner, server, `/watch/${asset}`);
  await on(owner, "player").waitFor();
  await owner.keyboard.press("5");
  await owner.waitForFunction(() => document.querySelector("video").currentTime >= 11.9);
  await owner.getByLabel("Start at").check();
  await on(owner, "share-link").locator("xpath=following::button[1]").click();
  const link = await owner.evaluate(() => navigator.clipboard.readText());
  assert.equal(link, `${server.url}/watch/${asset}?t=12`);
  const code = await on(owner, "embed-code").inputValue();
  await closePage(owner);

  const viewer = await openPage(browser);
  await viewer.goto(link);
  await on(viewer, "player").waitFor();
  await viewer.keyboard.press("k");
  await playedTo(viewer, 12.5);
  assert.equal(await on(viewer, "asset-menu").count(), 0, "a viewer has nothing to change");
  await viewer.goto(server.url);
  await on(viewer, "sign-in").waitFor();

  await viewer.goto(`${elsewhere.url}page/empty.html`);
  await viewer.setContent(code);
  const frame = viewer.frameLocator("iframe");
  await frame.getByTestId("centre-play").click();
  await frame.locator('[data-testid="player"][data-state="playing"]').waitFor();
  const time = () => frame.locator("video").evaluate((element) => element.currentTime);
  while ((await time()) < 13) await viewer.waitForTimeout(100);
  await closePage(viewer);
});

test("a private film is watched by its token alone", async () => {
  const { asset } = await upload(server, film, "--title", "For few", "--visibility", "private");
  const page = await openPage(browser);
  await page.goto(`${server.url}/watch/${asset}`);
  await page.getByText("There is nothing to watch here").waitFor();
  assert.equal(await page.locator("video").count(), 0);
  const answer = await apiAsOwner(server, `/api/v1/assets/${asset}/token`, { method: "POST", body: "{}" });
  await page.goto((await answer.json()).watch);
  await on(page, "player").waitFor();
  await page.keyboard.press("k");
  await playedTo(page, 0.5);
  assert.equal(await video(page, "error"), null);
  await closePage(page);
});

test("a deleted film is gone from the library, the server and its link", async () => {
  const { asset } = await upload(server, film, "--title", "Soon gone", "--visibility", "public");
  const page = await openPage(browser);
  await signIn(page, server);
  const card = page.locator(`[data-asset="${asset}"]`);
  await card.getByTestId("asset-menu").click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await card.waitFor({ state: "detached" });
  assert.equal((await apiAsOwner(server, `/api/v1/assets/${asset}`)).status, 404);
  await page.goto(`${server.url}/watch/${asset}`);
  await page.getByText("There is nothing to watch here").waitFor();
  await closePage(page);
});
