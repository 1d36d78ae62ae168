// What operators and authors do reaches the page.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Browser, Crowd, Netcat, PROGRAMS, Server, say, texts, until, withFolder } from "./world.js";

const PASSWORD = "correct horse battery";
let browser;

beforeEach(async () => {
  browser = await Browser.start();
});
afterEach(async () => {
  await browser.stop();
  assert.deepEqual(browser.complaints, []);
});

/** A server with an operator, who is here. */
const withOperator = (use) =>
  withFolder(async (data) => {
    const file = join(data, "password");
    writeFileSync(file, `${PASSWORD}\n`);
    const account = ["--data", data, "account", "add", "olga", "--operator", "--password-file", file];
    execFileSync(join(PROGRAMS, "chat-server"), account, { stdio: "ignore" });
    const server = await Server.start("--data", data);
    try {
      await use(server, await Netcat.join(server, "olga", PASSWORD));
    } finally {
      await server.stop();
    }
  });

describe("moderation", () => {
  test("an announcement is shown wherever one is, and read aloud", () =>
    withOperator(async (server, olga) => {
      const page = await browser.join(server.url, "alice");
      await say(page, "@olga a word");
      await page.locator("#title", { hasText: "olga" }).waitFor();
      olga.say("/announce Doors close at ten");
      const shown = page.locator("#scroller .announcement", { hasText: "olga announces: Doors close at ten" });
      await shown.waitFor();
      await until("it is read aloud once", async () => (await page.locator("#announcer p").allInnerTexts()).join() === "olga announces: Doors close at ten");
      await page.locator("#room-list button", { hasText: "lobby" }).first().click();
      await shown.waitFor();
      olga.leave();
    }));

  test("what was removed is gone from the page at once, and after a reload", () =>
    withOperator(async (server, olga) => {
      const page = await browser.join(server.url, "alice");
      const bot = await Crowd.join(server, "bot");
      await bot.sayMany(3, (n) => ["a mistake", "a line", "a last line"][n]);
      await page.locator(".message .text", { hasText: "a last line" }).waitFor();
      bot.send({ type: "redact", room: "lobby", seq: 1, id: "r" });
      await page.locator(".message .removed", { hasText: "removed by bot" }).waitFor();
      assert.deepEqual(await texts(page), ["removed by bot", "a line", "a last line"]);
      // The name stands above what follows, as before.
      assert.deepEqual(await page.locator("#scroller .message .head .who").allInnerTexts(), ["bot"]);
      await page.reload();
      await page.locator(".message .text", { hasText: "a last line" }).waitFor();
      assert.deepEqual(await texts(page), ["removed", "a line", "a last line"]);
      olga.leave();
      bot.leave();
    }));
});
