// Webhooks on the page: added, their secret shown once, tried, looked after and removed.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { startBrowser, startServer } from "./support.mjs";
import { closePage, on, openPage, signIn } from "./visitor.mjs";

const received = [];
let server, browser, receiver;

before(async () => {
  server = await startServer("webhook.allow_private=true", "transcode.workers=0");
  browser = await startBrowser();
  receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (text) => (body += text));
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  });
  await new Promise((listening) => receiver.listen(0, "127.0.0.1", listening));
});

after(async () => {
  await browser?.close();
  await server?.stop();
  receiver?.close();
});

/** The signature of Standard Webhooks. */
function signature(secret, { headers, body }) {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}

test("an address is added, its secret shown once, and a test message arrives signed", async () => {
  const page = await openPage(browser);
  await signIn(page, server);
  await on(page, "account-menu").click();
  await page.getByRole("menuitem", { name: "Webhooks" }).click();
  await on(page, "add-webhook").click();
  const address = `http://127.0.0.1:${receiver.address().port}/hook`;
  await page.getByLabel("Address").fill(address);
  await page.getByLabel("What it is for").fill("The newsroom");
  await page.getByRole("checkbox", { name: "A film failed" }).uncheck();
  await on(page, "submit").click();
  const secret = await on(page, "secret").inputValue();
  assert.match(secret, /^whsec_/);
  await page.getByRole("button", { name: "I have kept it" }).click();

  const row = on(page, "webhook");
  assert.match(await row.innerText(), /The newsroom · A film is ready, A film was deleted/);
  await row.getByTestId("ping").click();
  await row.getByText("Working").waitFor();
  assert.equal(received.length, 1);
  assert.equal(received[0].headers["webhook-signature"], signature(secret, received[0]));
  await row.getByTestId("show-deliveries").click();
  await row.getByText("Taken with status 204, 1 attempt").waitFor();

  await row.getByTestId("webhook-menu").click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("There are none yet.").waitFor();
  await closePage(page);
});
