// Importing from a URL on the page, by keyboard alone.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { makeFilm, startBrowser, startServer } from "./support.mjs";
import { closePage, on, openPage, signIn } from "./visitor.mjs";

const SETTINGS = ["import.allow=127.0.0.1:*", "import.allow_http=true", "import.allow_private=127.0.0.1/32"];
const PIECE = 16 << 10;

let server, browser, source;

/** Serves one film under every path that begins with /film, slowly under /film-slow. */
async function startSource(film) {
  const bytes = await readFile(film);
  const listener = createServer(async (request, response) => {
    if (!request.url.startsWith("/film")) return response.writeHead(404).end();
    response.writeHead(200, { "content-length": bytes.length });
    if (!request.url.startsWith("/film-slow")) return response.end(bytes);
    for (let at = 0; at < bytes.length && !response.destroyed; at += PIECE) {
      response.write(bytes.subarray(at, at + PIECE));
      await new Promise((done) => setTimeout(done, 500));
    }
    response.end();
  });
  await new Promise((done) => listener.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${listener.address().port}`, stop: () => listener.close() };
}

before(async () => {
  server = await startServer(...SETTINGS);
  source = await startSource(await makeFilm(server, 12, "--size", "640x360", "--rate", "25"));
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  source?.stop();
  await server?.stop();
});

async function importFrom(page, url) {
  await on(page, "import-url").focus();
  await page.keyboard.type(url);
  await page.keyboard.press("Enter");
}

test("a film is fetched, followed and watched", async () => {
  const page = await openPage(browser, { colorScheme: "dark" });
  await signIn(page, server, "/upload");
  await importFrom(page, `${source.url}/film%20of%20mine.mp4`);
  await page.getByText("film of mine").first().waitFor();
  await page.locator('[data-testid="import"][data-state="ready"]').waitFor();
  assert.equal(await on(page, "import-url").inputValue(), "", "the field is ready for the next one");
  await on(page, "import-watch").press("Enter");
  await on(page, "player").waitFor();
  assert.deepEqual(page.problems, []);
  await closePage(page);
});

test("what cannot be fetched says why, and what is fetched can be cancelled", async () => {
  const page = await openPage(browser);
  await signIn(page, server, "/upload");
  await importFrom(page, "https://elsewhere.example/film.mp4");
  await page.getByText("elsewhere.example is not among the hosts").waitFor();
  await on(page, "import-url").fill("");
  await importFrom(page, `${source.url}/nowhere.mp4`);
  const rows = page.getByTestId("import");
  await rows.getByText("answered 404 Not Found.").waitFor();
  await importFrom(page, `${source.url}/film-slow.mp4`);
  await page.getByText(/^Fetched .+ of .+\.$/).waitFor();
  await page.getByRole("button", { name: "Cancel the import of film-slow" }).press("Enter");
  await rows.getByText("It was cancelled.").waitFor();
  await page.getByRole("button", { name: "Take film-slow off this list" }).press("Enter");
  await rows.getByText("It was cancelled.").waitFor({ state: "detached" });
  assert.deepEqual(page.problems, []);
  await closePage(page);
});
