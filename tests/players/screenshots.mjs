// Pictures of the page, in both themes, on desktop and phone: node screenshots.mjs FOLDER [FILM…]
// Films given are shown in the library under the names of their files, the first of them in the player.
import { readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { makeFilm, startBrowser, startEncoder, startServer, upload } from "./support.mjs";
import { apiAsOwner, DESKTOP, on, openPage, PHONE, playedTo, signIn } from "./visitor.mjs";

const [folder, ...films] = process.argv.slice(2);
const DEVICES = {
  desktop: { viewport: DESKTOP },
  phone: { viewport: PHONE, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
};
/** Its title comes from the file's name. */
const ON_ITS_WAY = "A day by the sea.mp4";
/** How long a channel is on air before its pictures are taken, in ms. */
const ON_AIR_FIRST = 60_000;
/** A quiet moment for pictures to load and movements to end, in ms. */
const SETTLE = 800;

const server = await startServer();
const browser = await startBrowser();

/** What the library holds: two films of our own and those given; and the film that goes up meanwhile. */
async function fill() {
  const shown = [];
  const add = async (title, film) => {
    shown.unshift((await upload(server, film, "--title", title, "--visibility", "public")).asset);
  };
  for (const title of ["Harbour at dawn", "The long road north"]) {
    await add(title, await makeFilm(server, 12, "--size", "1280x720", "--title", title));
  }
  for (const film of films.toReversed()) await add(basename(film, extname(film)), film);
  const sea = await makeFilm(server, 60, "--size", "1280x720", "--title", "A day by the sea");
  return { shown, sea };
}

/** A channel that has been on air for a while, so that its charts have a shape. */
async function goOnAir() {
  const choices = { name: "The studio", visibility: "public" };
  const made = await apiAsOwner(server, "/api/v1/channels", { method: "POST", body: JSON.stringify(choices) });
  const { channel, rtmp, key } = await made.json();
  const encoder = startEncoder(`${rtmp}/${key}`);
  await new Promise((done) => setTimeout(done, ON_AIR_FIRST));
  return { channel, encoder };
}

/** The control room and the page of its viewers. */
async function tourLive(channel, colorScheme, device) {
  const page = await openPage(browser, { colorScheme, ...DEVICES[device] });
  const shoot = async (name, fullPage = false) => {
    await page.waitForTimeout(SETTLE);
    const path = join(folder, `${name}-${colorScheme}-${device}.jpg`);
    await page.screenshot({ path, fullPage, type: "jpeg", quality: device === "phone" ? 70 : 82 });
  };
  await signIn(page, server, `/watch/live/${channel}`);
  await page.locator('[data-testid="player"][data-live="edge"]').waitFor();
  await playedTo(page, (await page.evaluate(() => document.querySelector("video").currentTime)) + 3);
  await page.mouse.move(300, 300);
  await shoot("live");
  await page.goto(`${server.url}/channels/${channel}`);
  await page.locator('[data-testid="preview"] [data-testid="player"][data-state="playing"]').waitFor();
  await on(page, "chart").waitFor();
  await page.waitForTimeout(2_500);
  await shoot("control-room", true);
  await page.context().close();
}

/** The places, as a creator meets them. */
async function tour({ shown, sea }, colorScheme, device) {
  const page = await openPage(browser, { colorScheme, ...DEVICES[device] });
  const shoot = async (name) => {
    await page.waitForTimeout(SETTLE);
    const path = join(folder, `${name}-${colorScheme}-${device}.jpg`);
    await page.screenshot({ path, type: "jpeg", quality: device === "phone" ? 70 : 82 });
  };
  await signIn(page, server);
  await page.locator("img.poster-loaded").first().waitFor();
  await shoot("library");
  await page.goto(`${server.url}/upload`);
  await on(page, "choose-files").waitFor();
  await shoot("upload");
  await on(page, "file-input").setInputFiles({ name: ON_ITS_WAY, mimeType: "video/mp4", buffer: await readFile(sea) });
  await page.locator("[data-track][data-percent]").first().waitFor();
  await page.waitForFunction(() => Number(document.querySelector('[data-track="video-360"]')?.dataset.percent) >= 30);
  await shoot("progress");
  await page.locator('[data-testid="transfer"][data-state="ready"]').waitFor();
  const sent = await on(page, "transfer").getAttribute("data-asset");
  await page.goto(`${server.url}/watch/${shown[0]}`);
  await on(page, "player").waitFor();
  await page.keyboard.press("k");
  await playedTo(page, 2);
  await page.keyboard.press("k");
  await shoot("player");
  await apiAsOwner(server, `/api/v1/assets/${sent}`, { method: "DELETE" });
  await page.context().close();
}

let encoder;
try {
  const onAir = await goOnAir();
  encoder = onAir.encoder;
  for (const colorScheme of ["dark", "light"]) {
    for (const device of Object.keys(DEVICES)) await tourLive(onAir.channel, colorScheme, device);
  }
  await encoder.stop();
  const held = await fill();
  for (const colorScheme of ["dark", "light"]) {
    for (const device of Object.keys(DEVICES)) await tour(held, colorScheme, device);
  }
} finally {
  await encoder?.stop("SIGKILL");
  await browser.close();
  await server.stop();
}
