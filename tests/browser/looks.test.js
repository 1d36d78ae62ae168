// What is seen: an accessibility scan of each state in both grounds, and the pictures of the README.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { Browser, Netcat, Server, Wire, say } from "./world.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const PICTURES = process.env.PICTURES;

let server;
let wire;
let browser;

before(async () => {
  server = await Server.start();
  wire = await Wire.to(server);
});
after(async () => {
  wire.close();
  await server.stop();
});
beforeEach(async () => {
  // axe is put in as a script, which the page's policy forbids to all others.
  browser = await Browser.start({ bypassCSP: true });
});
afterEach(async () => {
  await browser.stop();
  assert.deepEqual(browser.complaints, []);
});

async function scan(page, what) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    if (!(await page.evaluate(() => "axe" in window))) await page.addScriptTag({ path: AXE });
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`);
    assert.deepEqual(found, [], `${what}, ${colorScheme}`);
  }
}

const CONVERSATION = [
  ["mira", "morning! the new build is up at https://build.example.org/1482"],
  ["mira", "it starts twice as fast, have a look when you can"],
  ["jonas", "looking now"],
  ["שרה", "בוקר טוב, הכול עובד אצלי"],
  ["jonas", "12 ms to the first line here. ada, is that what you saw?"],
  ["kofi", "/me brings coffee"],
];

async function converse() {
  const people = {};
  for (const [who, line] of CONVERSATION) {
    people[who] ??= await Netcat.join(server, who);
    people[who].say(line);
  }
  return people;
}

describe("the page", () => {
  test("has no violation that a scan finds", async () => {
    const people = await converse();
    const page = await browser.open(wire.url);
    await page.locator("#join").waitFor();
    await scan(page, "joining");
    await page.getByLabel("Your name here").first().fill("ada");
    await page.keyboard.press("Enter");
    await page.getByText("12 ms to the first line").waitFor();
    people.mira.say("/topic Releases, and what went wrong with them");
    people.mira.say("@ada shall we ship it?");
    await page.locator('[data-open="@mira"] .badge').waitFor();
    await scan(page, "a room");
    await page.locator('[data-open="@mira"]').click();
    await page.locator("#text").fill("yes");
    await scan(page, "a private conversation");
    for (const name of ["Settings", "Find or make a room"]) {
      await page.getByRole("button", { name }).click();
      await page.locator("dialog[open]").waitFor();
      await scan(page, name);
      await page.keyboard.press("Escape");
    }
    await page.locator('[data-open="lobby"]').click();
    await say(page, "/search ship");
    await page.locator("#found", { hasText: /found|message/i }).waitFor();
    await scan(page, "search");
    await page.keyboard.press("Escape");
    // All hues, on both grounds.
    for (let i = 0; i < 40; i += 1) await Netcat.join(server, `person${i}`);
    await page.locator("#member-list", { hasText: "person39" }).waitFor();
    await scan(page, "many people");
    wire.deaf = true;
    await page.locator('[data-open="@mira"]').click();
    await say(page, "lost");
    wire.cut();
    await page.getByText("You are offline").waitFor();
    await scan(page, "offline");
    wire.mend();
    await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await page.locator("#pending .failed").waitFor();
    await scan(page, "a message of unknown fate");
    await page.setViewportSize({ width: 390, height: 760 });
    await page.getByRole("button", { name: "Conversations" }).click();
    await scan(page, "a phone");
  });

  const drawn = async () => {
    mkdirSync(PICTURES, { recursive: true });
    const other = await Server.start();
    const everybody = server;
    server = other;
    const page = await browser.join(other.url, "ada");
    const people = await converse();
    people.mira.say("/topic Releases, and what went wrong with them");
    await page.getByText("12 ms to the first line").waitFor();
    await say(page, "yes! and the log survives a power cut, I pulled the plug twice");
    people.jonas.say("then let's ship it");
    people.mira.say("@ada drinks at six?");
    await page.locator('[data-open="@mira"] .badge').waitFor();
    await page.getByText("then let's ship it").waitFor();
    const picture = async (name, colorScheme) => {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.mouse.move(2, 700);
      await page.locator("#text").focus();
      await page.screenshot({ path: `${PICTURES}/${name}.png` });
    };
    await page.setViewportSize({ width: 1080, height: 640 });
    await picture("page-light", "light");
    await picture("page-dark", "dark");
    await page.setViewportSize({ width: 390, height: 720 });
    await page.locator("#toggle-side").waitFor();
    await picture("page-phone", "light");
    server = everybody;
    await other.stop();
  };
  if (PICTURES) test("is drawn", drawn);
});
