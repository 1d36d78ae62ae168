// A name that is one's own: the page's passwords.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { Browser, Netcat, PROGRAMS, Server, say, texts, until, withFolder } from "./world.js";

const PASSWORD = "correct horse battery";
let server;
let browser;

before(async () => {
  server = await Server.start();
});
after(() => server.stop());
beforeEach(async () => {
  browser = await Browser.start();
});
afterEach(async () => {
  await browser.stop();
  assert.deepEqual(browser.complaints, []);
});

async function leave(page) {
  if (!(await page.locator("#settings-dialog").evaluate((dialog) => dialog.open))) {
    await page.getByRole("button", { name: "Settings" }).click();
  }
  await page.getByRole("button", { name: "Leave the chat" }).click();
  await page.locator("#join").waitFor();
}

async function ask(page, alias) {
  await page.locator("#alias").fill(alias);
  await page.getByRole("button", { name: "Join" }).click();
}

async function register(page, password) {
  await say(page, "/register");
  await page.locator("#new-password:focus").waitFor();
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.locator("#account-words", { hasText: "yours now" }).waitFor();
}

/** Everything that this browser has kept. */
const kept = (page) => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));

describe("a name of one's own", () => {
  test("is made by a password, asks for it, and is given up", async () => {
    const page = await browser.join(server.url, "alice");
    await say(page, "/register");
    await page.locator("#new-password:focus").waitFor();
    await page.keyboard.type("short");
    await page.keyboard.press("Enter");
    await until("a short one is refused", async () => /8/.test(await page.locator("#account-words").innerText()));
    await page.locator("#new-password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByText("This name is yours").waitFor();
    assert.equal(await page.locator("#new-password").inputValue(), "");
    assert.ok(!(await kept(page)).includes(PASSWORD));

    await leave(page);
    await ask(page, "alice");
    await page.locator("#password:focus").waitFor();
    await page.keyboard.type("not the password");
    await page.keyboard.press("Enter");
    await until("it is refused", async () => (await page.locator("#join-words").innerText()) !== "");
    await page.locator("#password:focus").waitFor();
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.locator('body[data-status="online"]').waitFor();
    assert.ok(!(await kept(page)).includes(PASSWORD));

    await say(page, "/unregister");
    await page.locator("#old-password:focus").waitFor();
    await page.keyboard.type(PASSWORD);
    await page.getByRole("button", { name: "Give this name up" }).click();
    await page.getByText("Make this name yours").waitFor();
    await leave(page);
    await browser.join(server.url, "alice");
  });

  test("is there on another device, stays through a reload, and is nobody else's", async () => {
    const page = await browser.join(server.url, "carol");
    await register(page, PASSWORD);
    await page.reload();
    await page.locator('body[data-status="online"]').waitFor();
    const phone = await Browser.start();
    try {
      const other = await phone.open(server.url);
      await ask(other, "carol");
      await other.locator("#password").fill(PASSWORD);
      await other.keyboard.press("Enter");
      await other.locator('body[data-status="online"]').waitFor();
      const bob = await Netcat.join(server, "bob");
      await say(other, "from the phone");
      await bob.sees("carol: from the phone");
      // Another name needs no password, and isn't asked for one.
      await leave(other);
      await ask(other, "carol");
      await other.locator("#password").waitFor();
      await other.locator("#alias").fill("dave");
      await other.locator("#password").waitFor({ state: "hidden" });
      await other.keyboard.press("Enter");
      await other.locator('body[data-status="online"]').waitFor();
      bob.leave();
    } finally {
      await phone.stop();
    }
  });

  test("is made with an invite where nobody comes in without one", () =>
    withFolder(async (data) => {
      const house = await Server.start("--data", data, "--require-account");
      const invite = execFileSync(join(PROGRAMS, "chat-server"), ["--data", data, "account", "invite", "frank"], { stdio: ["ignore", "pipe", "ignore"] });
      const page = await browser.open(house.url);
      try {
        await ask(page, "frank");
        await page.locator("#invite:focus").waitFor();
        await page.locator("#invite").fill("not an invite");
        await page.locator("#password").fill(PASSWORD);
        await page.keyboard.press("Enter");
        await until("it is refused", async () => /invite/.test(await page.locator("#join-words").innerText()));
        await page.locator("#invite:focus").waitFor();
        await page.locator("#invite").fill(String(invite).trim());
        await page.locator("#password").fill(PASSWORD);
        await page.keyboard.press("Enter");
        await page.locator('body[data-status="online"]').waitFor();
        await leave(page);
        await ask(page, "frank");
        await page.locator("#password:focus").waitFor();
        assert.equal(await page.locator("#invite").isVisible(), false);
      } finally {
        await page.close();
        await house.stop();
      }
    }));

  test("keeps what two of them say to each other in private, for whoever is away", async () => {
    const page = await browser.join(server.url, "gwen");
    await register(page, PASSWORD);
    await page.getByRole("button", { name: "Close" }).last().click();
    const henry = await Netcat.join(server, "henry");
    henry.say(`/register ${PASSWORD}`);
    await henry.sees("henry is yours now");
    await say(page, "@henry psst");
    await henry.sees("gwen -> you: psst");
    henry.say("@gwen what?");
    await page.locator("#scroller .message .text", { hasText: "what?" }).waitFor();
    await leave(page);
    henry.say("@gwen are you gone?");
    await henry.sees("you -> gwen: are you gone?");
    await ask(page, "gwen");
    await page.locator("#password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.locator("#private-list").getByText("henry").click();
    await page.locator("#scroller .message .text", { hasText: "are you gone?" }).waitFor();
    // What was said before is on the server, and comes on scrolling up.
    await page.locator("#scroller").focus();
    await page.keyboard.press("Home");
    await page.locator("#scroller .message .text", { hasText: "psst" }).waitFor();
    assert.deepEqual(await texts(page), ["psst", "what?", "are you gone?"]);
    henry.leave();
  });

  test("makes rooms that are their members' alone", async () => {
    const page = await browser.join(server.url, "iris");
    await register(page, PASSWORD);
    await page.getByRole("button", { name: "Close" }).last().click();
    const jack = await Netcat.join(server, "jack");
    jack.say(`/register ${PASSWORD}`);
    await jack.sees("jack is yours now");
    await say(page, "/join den");
    await page.locator("#title", { hasText: "#den" }).waitFor();
    await say(page, "/private");
    await page.getByText("this room is its members' now").waitFor();
    jack.say("/join den");
    await jack.sees("there is no room #den");
    await say(page, "/invite jack");
    await page.getByText("jack is a member of this room now").waitFor();
    jack.say("/join den");
    await jack.sees("You are in #den with iris");
    await say(page, "/uninvite jack");
    await jack.sees("it isn't open to you any more");
    jack.leave();
  });

  test("has its password changed by who knows it", async () => {
    const page = await browser.join(server.url, "erin");
    await register(page, PASSWORD);
    await page.locator("#old-password").fill(PASSWORD);
    await page.locator("#new-password").fill("another secret");
    await page.getByRole("button", { name: "Change", exact: true }).last().click();
    await page.locator("#account-words", { hasText: "is changed" }).waitFor();
    await leave(page);
    await ask(page, "erin");
    await page.locator("#password").fill("another secret");
    await page.keyboard.press("Enter");
    await page.locator('body[data-status="online"]').waitFor();
  });
});
