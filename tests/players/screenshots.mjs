// Pictures of every place of the page, in both themes, on phone and desktop: node screenshots.mjs DIR
import { join } from "node:path";
import { makeFilm, startBrowser, startServer, upload } from "./support.mjs";

const folder = process.argv[2];
const PATIENCE = 120_000;
const DEVICES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

const server = await startServer();
const browser = await startBrowser();
const film = await makeFilm(server, 12, "--size", "1280x720", "--rate", "30", "--title", "A day by the sea");
const on = (page, name) => page.getByTestId(name).first();

async function signIn(page) {
  await page.goto(server.url);
  await on(page, "api-key").fill(server.key);
  await on(page, "api-key").press("Enter");
  await on(page, "library").waitFor({ timeout: PATIENCE });
}

/** The four places, as a creator meets them. */
async function tour(colorScheme, device) {
  const context = await browser.newContext({ colorScheme, viewport: DEVICES[device] });
  const page = await context.newPage();
  const shoot = (name) =>
    page.screenshot({ path: join(folder, `${name}-${colorScheme}-${device}.jpg`), type: "jpeg", quality: 78 });
  await signIn(page);
  await page.waitForTimeout(1000);
  await shoot("library");
  await page.goto(`${server.url}/upload`);
  await on(page, "choose-files").waitFor({ timeout: PATIENCE });
  await shoot("upload");
  await on(page, "file-input").setInputFiles(film);
  await on(page, "rungs").waitFor({ timeout: PATIENCE });
  await page.waitForTimeout(1500);
  await shoot("progress");
  await page.goto(`${server.url}/watch/${first.asset}`);
  await on(page, "player").waitFor({ timeout: PATIENCE });
  await page.keyboard.press("k");
  await page.waitForFunction(() => document.querySelector("video")?.currentTime > 2, null, { timeout: PATIENCE });
  await page.keyboard.press("k");
  await page.waitForTimeout(300);
  await shoot("player");
  await context.close();
}

let first;
try {
  for (const title of ["Harbour at dawn", "The long road north", "A day by the sea"]) {
    first = await upload(server, film, "--title", title);
  }
  for (const colorScheme of ["dark", "light"]) {
    for (const device of Object.keys(DEVICES)) await tour(colorScheme, device);
  }
} finally {
  await browser.close();
  await server.stop();
}
