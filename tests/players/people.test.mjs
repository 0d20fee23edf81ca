// People on the page: the first owner by the link, others by the owner, each with a password of their own.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser, startServer } from "./support.mjs";
import { closePage, on, openPage, PHONE } from "./visitor.mjs";

const PASSWORD = "correct horse battery";

let server, browser;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function typePasswords(page, password, again = password) {
  await on(page, "new-password").fill(password);
  await on(page, "new-password-again").fill(again);
}

async function enter(page, name, password) {
  await page.goto(`${server.url}/signin`);
  await on(page, "user-name").fill(name);
  await on(page, "password").fill(password);
  await on(page, "password").press("Enter");
}

async function openMenu(page, item) {
  await on(page, "account-menu").click();
  await page.getByRole("menuitem", { name: item }).click();
}

test("the link that the server printed makes the owner, once", async () => {
  const page = await openPage(browser);
  await page.goto(server.setupLink());
  await on(page, "tenant-name").fill("The studio");
  await on(page, "owner-name").fill("Ada@Studio.Example");
  await typePasswords(page, PASSWORD, "something else");
  await on(page, "set-up").click();
  await page.getByText("The two passwords differ.").waitFor();
  await typePasswords(page, PASSWORD);
  await on(page, "set-up").click();
  await on(page, "empty-library").waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
  await page.goto(server.setupLink());
  await page.getByText("This link no longer works").waitFor();
  await closePage(page);
});

test("a wrong password is refused in words and the right one lets in", async () => {
  const page = await openPage(browser);
  await enter(page, "ada@studio.example", "not the right one");
  await page.getByText("Name and password do not belong together").waitFor();
  await on(page, "password").fill(PASSWORD);
  await on(page, "sign-in").click();
  await on(page, "empty-library").waitFor();
  await closePage(page);
});

test("the owner adds a person, who signs in, changes the password and is disabled", async () => {
  const owner = await openPage(browser);
  await enter(owner, "ada@studio.example", PASSWORD);
  await openMenu(owner, "People and keys");
  await on(owner, "add-person").click();
  await on(owner, "person-name").fill("bob");
  await owner.getByRole("radio", { name: "Creator" }).check();
  await typePasswords(owner, PASSWORD);
  await on(owner, "submit").click();
  const row = owner.locator('tr[data-user="bob"]');
  await row.waitFor();
  assert.match(await row.innerText(), /Creator\s+Never/);

  const bob = await openPage(browser, { viewport: PHONE });
  await enter(bob, "bob", PASSWORD);
  await on(bob, "empty-library").waitFor();
  await bob.goto(`${server.url}/people`);
  await bob.getByText("This page is for administrators").waitFor();
  await openMenu(bob, "Account");
  await on(bob, "present-password").fill(PASSWORD);
  await typePasswords(bob, "quite another one");
  await on(bob, "change-password").click();
  await bob.getByText("The password is changed.").waitFor();

  await row.getByTestId("person-menu").click();
  await owner.getByRole("menuitem", { name: "Disable…" }).click();
  await on(owner, "confirm").click();
  await row.getByText("Disabled").waitFor();
  await bob.goto(server.url);
  await on(bob, "user-name").waitFor();
  await enter(bob, "bob", "quite another one");
  await bob.getByText("the account is disabled").waitFor();
  await closePage(bob);

  await openMenu(owner, "Audit log");
  for (const action of ["set-up", "user-created", "sign-in", "password-changed", "user-disabled"]) {
    await owner.locator(`tr[data-action="${action}"]`).first().waitFor();
  }
  await closePage(owner);
});

test("a key is made, shown once and revoked", async () => {
  const page = await openPage(browser);
  await enter(page, "ada@studio.example", PASSWORD);
  await openMenu(page, "People and keys");
  await on(page, "add-key").click();
  await on(page, "key-name").fill("suite");
  await page.getByRole("checkbox", { name: "Change and delete" }).uncheck();
  await on(page, "submit").click();
  const key = await on(page, "made-key").inputValue();
  await page.getByRole("button", { name: "Done" }).click();
  const asKey = (path, method = "GET") =>
    fetch(server.url + path, { method, headers: { authorization: `Bearer ${key}` } });
  assert.equal((await asKey("/api/v1/assets")).status, 200);
  assert.equal((await asKey(`/api/v1/assets/${"0".repeat(26)}`, "DELETE")).status, 403, "it may not delete");
  const row = page.locator('tr[data-key="suite"]');
  assert.match(await row.innerText(), /Look at the library, Bring in files/);
  await row.getByRole("button", { name: "Revoke suite" }).click();
  await on(page, "confirm").click();
  await row.getByText("Revoked").waitFor();
  assert.equal((await asKey("/api/v1/assets")).status, 401);
  await closePage(page);
});
