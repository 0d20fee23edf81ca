// Every place of the page, dark and light, on desktop and phone: the rules of axe, nothing wider than the screen, and
// all of it by keyboard.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { makeFilm, startBrowser, startEncoder, startServer, upload } from "./support.mjs";
import { apiAsOwner, closePage, DESKTOP, on, openPage, PHONE, signIn } from "./visitor.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const DEVICES = {
  desktop: { viewport: DESKTOP },
  phone: { viewport: PHONE, isMobile: true, hasTouch: true },
};

let server, browser, asset, channel, encoder;

before(async () => {
  server = await startServer();
  const film = await makeFilm(server, 8, "--size", "640x360", "--rate", "25");
  ({ asset } = await upload(server, film, "--title", "A day by the sea", "--visibility", "public"));
  await upload(server, film, "--title", "AVeryLongTitleWithoutASingleSpace".repeat(5), "--visibility", "private");
  const webhook = { url: "https://a.example/a-path-that-is-longer-than-a-phone-is-wide", description: "The newsroom" };
  await apiAsOwner(server, "/api/v1/webhooks", { method: "POST", body: JSON.stringify(webhook) });
  const made = await apiAsOwner(server, "/api/v1/channels", { method: "POST", body: JSON.stringify({ name: "The studio" }) });
  const { channel: id, rtmp, key } = await made.json();
  channel = id;
  encoder = startEncoder(`${rtmp}/${key}`);
  await apiAsOwner(server, "/api/v1/channels", { method: "POST", body: JSON.stringify({ name: "LongNameWithoutASpace".repeat(6) }) });
  browser = await startBrowser();
});

after(async () => {
  await encoder?.stop();
  await browser?.close();
  await server?.stop();
});

/** What axe finds against WCAG 2.2 AA and its own best practices, and what sticks out at the side. */
async function judge(page, place) {
  // Colours are measured when nothing fades any more.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => null))));
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run());
  // Words over a picture alone have no ground that could be measured.
  if (place !== "embed") assert.ok(passes.some(({ id }) => id === "color-contrast"), `${place}: contrast was measured`);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`)}`);
  assert.deepEqual(found, [], place);
  const { wide, screen } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    screen: document.documentElement.clientWidth,
  }));
  assert.ok(wide <= screen, `${place}: ${wide} px wide on a screen of ${screen}`);
}

/** Of the page's ground, from 0 to 1. */
async function lightness(page) {
  return page.evaluate(() => {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    context.fillStyle = getComputedStyle(document.documentElement).backgroundColor;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return (red + green + blue) / (3 * 255);
  });
}

for (const colorScheme of ["dark", "light"]) {
  for (const [device, options] of Object.entries(DEVICES)) {
    test(`${colorScheme} on a ${device}`, async () => {
      const page = await openPage(browser, { ...options, colorScheme, reducedMotion: "reduce" });
      await page.goto(server.url);
      await on(page, "user-name").waitFor();
      await judge(page, "sign-in");
      await signIn(page, server);
      await page.locator("img.poster-loaded").first().waitFor();
      assert.equal((await lightness(page)) > 0.5, colorScheme === "light");
      await judge(page, "library");
      await on(page, "asset-menu").click();
      await judge(page, "menu");
      await page.getByRole("menuitem", { name: "Share and embed…" }).click();
      await page.getByRole("dialog").waitFor();
      await judge(page, "dialog");
      const places = [["people", "keys"], ["audit", "audit"], ["webhooks", "webhook"], ["account", "sign-out-everywhere"]];
      places.push(["channels", "channel"]);
      for (const [path, shown] of places) {
        await page.goto(`${server.url}/${path}`);
        await on(page, shown).waitFor();
        await page.waitForLoadState("networkidle");
        await judge(page, path);
      }
      await page.goto(`${server.url}/upload`);
      await on(page, "choose-files").waitFor();
      await judge(page, "upload");
      await page.goto(`${server.url}/watch/${asset}`);
      await page.locator('[data-testid="player"][data-state="paused"]').waitFor();
      await judge(page, "watch");
      await page.goto(`${server.url}/embed/${asset}`);
      await page.locator('[data-testid="player"]').waitFor();
      await judge(page, "embed");
      await page.goto(`${server.url}/channels`);
      await on(page, "add-channel").click();
      await page.getByRole("dialog").waitFor();
      await judge(page, "new channel");
      await page.goto(`${server.url}/channels/${channel}`);
      await page.locator('[data-testid="preview"] [data-testid="player"][data-state="playing"]').waitFor();
      await on(page, "chart").waitFor();
      await judge(page, "control room");
      await page.goto(`${server.url}/watch/live/${channel}`);
      await page.locator('[data-testid="player"][data-state="playing"]').waitFor();
      await judge(page, "live");
      await page.goto(`${server.url}/nowhere`);
      await page.getByText("There is no page at this address").waitFor();
      await judge(page, "missing");
      await closePage(page);
    });
  }
}

test("the chosen theme outlasts a reload and beats the system's", async () => {
  const page = await openPage(browser, { colorScheme: "dark" });
  await signIn(page, server);
  await on(page, "theme-menu").click();
  await page.getByRole("menuitemradio", { name: "Light" }).click();
  await page.reload();
  await on(page, "library").waitFor();
  assert.ok((await lightness(page)) > 0.5);
  await closePage(page);
});

/** Presses Tab until the focus is on an element with this accessible name. */
async function tabTo(page, name) {
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === name) return;
  }
  assert.fail(`Tab never came to “${name}”`);
}

const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    return element.getAttribute("aria-label") ?? element.textContent.trim();
  });

test("a film is found, opened, and nearly deleted without a mouse", async () => {
  const page = await openPage(browser);
  await page.goto(server.url);
  await on(page, "user-name").waitFor();
  await tabTo(page, "Sign in with an API key");
  await page.keyboard.press("Enter");
  await on(page, "api-key").waitFor();
  await page.keyboard.type(server.key);
  await page.keyboard.press("Enter");
  await on(page, "library").waitFor();
  await page.reload();
  await on(page, "library").waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  const outlined = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none");
  assert.ok(outlined, "the focus is seen");
  await page.keyboard.press("Enter");
  await tabTo(page, "Actions for A day by the sea");
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Copy link" }).waitFor();
  assert.equal(await focused(page), "Copy link");
  await page.keyboard.press("ArrowUp");
  assert.equal(await focused(page), "Delete…");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  for (let step = 0; step < 6; step += 1) {
    await page.keyboard.press("Tab");
    const inside = await page.evaluate(
      () => document.activeElement === document.body || document.activeElement.closest("dialog") !== null,
    );
    assert.ok(inside, "the focus stays in the dialog");
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(page), "Actions for A day by the sea");
  await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(page), "A day by the sea");
  await page.keyboard.press("Enter");
  await page.locator('[data-testid="player"][data-state="playing"]').waitFor();
  await closePage(page);
});
