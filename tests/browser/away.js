// The page over plain http from another machine, which this network namespace is to the server's; see ../another_host.sh.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, say, texts, until } from "./world.js";

const { CHAT_URL } = process.env;
let browser;
let page;

before(async () => {
  browser = await Browser.start();
});
after(async () => {
  await browser.stop();
  assert.deepEqual(browser.complaints, []);
});

test("it is no secure context, and works", async () => {
  page = await browser.join(CHAT_URL, "alice");
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  await say(page, "over plain http");
  await until("it is stored", async () => (await page.locator("#pending .message").count()) === 0);
  assert.deepEqual(await texts(page), ["hello", "over plain http"]);
});

test("a second tab shares the connection, and a reload goes on", async () => {
  const second = await browser.open(CHAT_URL);
  await second.locator("#title", { hasText: "#lobby" }).waitFor();
  await say(second, "from the second tab");
  await page.locator("#scroller .message .text", { hasText: "from the second tab" }).waitFor();
  await page.reload();
  await page.locator('body[data-status="online"]').waitFor();
  await page.locator("#scroller .message .text", { hasText: "from the second tab" }).waitFor();
});

test("no password is asked for on a way that others can read", async () => {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByText("Others could read a password on its way here").waitFor();
  assert.equal(await page.locator("#new-password").isVisible(), false);
});
