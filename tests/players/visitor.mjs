// What a person does on the page: open it, sign in, drop a film, look at what there is.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

/** Longest wait for anything that a person waits for, in ms. */
export const PATIENCE = 120_000;
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** The first element with a test id. */
export const on = (page, name) => page.getByTestId(name).first();

/** A page with a profile of its own, which notes errors and what the content security policy refuses. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (line) => line.text().includes("Content Security Policy") && page.problems.push(line.text()));
  return page;
}

export async function closePage(page) {
  assert.deepEqual(page.problems, []);
  await page.context().close();
}

export async function signIn(page, server, path = "/") {
  await page.goto(`${server.url}/signin?${new URLSearchParams({ next: path })}`);
  await on(page, "other-sign-in").click();
  await on(page, "api-key").fill(server.key);
  await on(page, "api-key").press("Enter");
  await on(page, "account-menu").waitFor();
}

/** Drags a file from the desktop over the page and lets go. */
export async function drop(page, film) {
  const encoded = (await readFile(film)).toString("base64");
  const dataTransfer = await page.evaluateHandle(
    ([content, name]) => {
      const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
      const data = new DataTransfer();
      // One moment of change, so that the same file dropped twice is the same file.
      data.items.add(new File([bytes], name, { type: "video/mp4", lastModified: 1_700_000_000_000 }));
      return data;
    },
    [encoded, basename(film)],
  );
  await page.dispatchEvent("body", "dragenter", { dataTransfer });
  await on(page, "drop-overlay").waitFor();
  await page.dispatchEvent("body", "dragover", { dataTransfer });
  await page.dispatchEvent("body", "drop", { dataTransfer });
}

/** An answer of the API with the page's own session. */
export async function api(page, path) {
  return page.evaluate(async (from) => (await fetch(from)).json(), path);
}

/** An answer of the API with the owner's key. */
export async function apiAsOwner(server, path, options = {}) {
  const headers = { authorization: `Bearer ${server.key}`, "content-type": "application/json" };
  return fetch(server.url + path, { headers, ...options });
}

/** Waits until the picture has moved on to `seconds`. */
export async function playedTo(page, seconds) {
  await page.waitForFunction((at) => document.querySelector("video")?.currentTime > at, seconds);
}

/** A property of the one video on the page. */
export async function video(page, property) {
  return page.evaluate((name) => document.querySelector("video")[name], property);
}
