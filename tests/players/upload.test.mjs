// An upload that breaks off goes on where it stopped: after a lost connection, and after a reload of the page.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { makeFilm, startBrowser, startCable, startServer } from "./support.mjs";
import { apiAsOwner, closePage, drop, on, openPage, signIn } from "./visitor.mjs";

/** In bytes a second: the film takes over twenty seconds, so that it is still on its way when a busy machine acts. */
const SLOW = 60_000;
/** Per cent of the film after which an upload is disturbed. */
const BEGUN = 10;

let server, cable, browser, film, digest;

before(async () => {
  server = await startServer();
  cable = await startCable(server);
  film = await makeFilm(server, 20, "--size", "640x360", "--rate", "25");
  digest = createHash("sha256").update(await readFile(film)).digest("hex");
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await cable?.stop();
  await server?.stop();
});

/** Limits what a page may send to so many bytes a second; -1 lifts the limit. */
async function limit(page, bytesPerSecond) {
  page.session ??= await page.context().newCDPSession(page);
  await page.session.send("Network.enable");
  const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond };
  await page.session.send("Network.emulateNetworkConditions", conditions);
}

/** Offsets at which the page began to send, in their order. */
function noteOffsets(page) {
  const offsets = [];
  page.on("request", (request) => {
    if (request.method() === "PATCH") offsets.push(Number(request.headers()["upload-offset"]));
  });
  return offsets;
}

const percentSent = (page) => on(page, "transfer").getByRole("progressbar").first().getAttribute("aria-valuenow");

async function sentAtLeast(page, percent) {
  while (Number(await percentSent(page)) < percent) await page.waitForTimeout(50);
}

async function arrivedWhole(page) {
  await page.locator('[data-testid="transfer"][data-phase="sent"]').waitFor();
  await page.locator('[data-testid="transfer"][data-state="ready"]').waitFor();
  const id = await on(page, "transfer").getAttribute("data-asset");
  const asset = await (await apiAsOwner(server, `/api/v1/assets/${id}`)).json();
  assert.equal(asset.source.sha256, digest);
}

test("a lost connection is taken up again where it broke", async () => {
  const page = await openPage(browser);
  await signIn(page, { ...server, url: cable.url }, "/upload");
  const offsets = noteOffsets(page);
  await limit(page, SLOW);
  await drop(page, film);
  await sentAtLeast(page, BEGUN);
  cable.cut();
  await page.locator('[data-testid="transfer"][data-phase="retrying"]').waitFor();
  cable.mend();
  await limit(page, -1);
  await arrivedWhole(page);
  assert.equal(offsets[0], 0);
  assert.ok(offsets.at(-1) > 0, `began at ${offsets}`);
  await closePage(page);
});

test("a paused upload goes on where it was paused", async () => {
  const page = await openPage(browser);
  await signIn(page, server, "/upload");
  const offsets = noteOffsets(page);
  await limit(page, SLOW);
  await drop(page, film);
  await sentAtLeast(page, BEGUN);
  await page.getByRole("button", { name: /^Pause / }).click();
  await page.locator('[data-testid="transfer"][data-phase="paused"]').waitFor();
  await limit(page, -1);
  await page.getByRole("button", { name: /^Resume / }).click();
  await arrivedWhole(page);
  assert.ok(offsets.at(-1) > 0, `began at ${offsets}`);
  await closePage(page);
});

test("leaving the page is warned of, and the same film chosen again goes on", async () => {
  const page = await openPage(browser);
  const warnings = [];
  page.on("dialog", (dialog) => (warnings.push(dialog.type()), dialog.accept()));
  await signIn(page, server, "/upload");
  await limit(page, SLOW);
  await drop(page, film);
  await sentAtLeast(page, BEGUN);
  await page.goto(server.url);
  assert.deepEqual(warnings, ["beforeunload"]);
  await limit(page, -1);
  const offsets = noteOffsets(page);
  const card = page.locator('[data-testid="asset-card"][data-state="uploading"]');
  const chooser = page.waitForEvent("filechooser");
  await card.getByRole("button", { name: "Continue upload" }).click();
  await (await chooser).setFiles(film);
  await arrivedWhole(page);
  assert.ok(offsets[0] > 0, `began at ${offsets}`);
  await closePage(page);
});
