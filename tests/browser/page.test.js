// The page as people use it, in a real Chromium.

import assert from "node:assert/strict";
import http from "node:http";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { Browser, Client, Netcat, Server, Wire, say, texts, until, withFolder } from "./world.js";

let server;
let browser;
let wire;

before(async () => {
  server = await Server.start();
});
after(() => server.stop());
beforeEach(async () => {
  browser = await Browser.start();
  wire = await Wire.to(server);
});
afterEach(async () => {
  await browser.stop();
  wire.close();
  assert.deepEqual(browser.complaints, []);
});

/** A name that no other scenario has. */
let people = 0;
const fresh = (name) => `${name}${(people += 1)}`;

const shows = (page, words) => page.locator("#scroller .message .text", { hasText: words }).last().waitFor();
const nothingWaits = (page) =>
  until("nothing waits", async () => (await page.locator("#pending .message").count()) === 0);

/** The network is back, and the browser has noticed. */
async function mend(page) {
  wire.mend();
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await page.locator('body[data-status="online"]').waitFor();
}

const times = async (page, words) => (await texts(page)).filter((text) => text.includes(words)).length;

describe("talking", () => {
  test("somebody joins and talks with a netcat user", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    const alice = fresh("alice");
    const page = await browser.join(server.url, alice);
    await bob.sees(`${alice} joined the chat!`);
    await say(page, "hello from a browser");
    await bob.sees(`${alice}: hello from a browser`);
    bob.say("hello from netcat");
    await shows(page, "hello from netcat");
    await say(page, "/me waves");
    await bob.sees(`* ${alice} waves`);
    await nothingWaits(page);
    bob.leave();
    await page.locator("#scroller .notice", { hasText: "left the chat" }).last().waitFor();
  });

  test("somebody talks with a user of chat-client", async () => {
    const dora = await Client.join(server, fresh("dora"));
    const page = await browser.join(server.url, fresh("alice"));
    await say(page, "hello, terminal");
    await dora.sees("hello, terminal");
    dora.say("hello, browser");
    await shows(page, "hello, browser");
    await dora.leave();
  });

  test("a private message is between two, and is marked so while it is typed", async () => {
    const bob = fresh("bob");
    const netcat = await Netcat.join(server, bob);
    const other = await Netcat.join(server, fresh("carol"));
    const alice = fresh("alice");
    const page = await browser.join(server.url, alice);
    await page.locator("#text").fill(`@${bob} a sec`);
    await page.getByText(`only ${bob} will see this`).waitFor();
    await page.locator("#text").fill("a sec");
    await until("the mark is gone", async () => (await page.locator("#confidence").innerText()) === "");
    await say(page, ` @${bob} a secret`);
    await netcat.sees(`${alice} -> you: a secret`);
    await page.locator("#title", { hasText: bob }).waitFor();
    netcat.say(`@${alice} an answer`);
    await shows(page, "an answer");
    assert.equal(other.count("secret") + other.count("answer"), 0);
    await page.locator("#text").fill("x");
    await page.getByText(`only ${bob} will see this`).waitFor();
  });

  test("several lines are one message, and a composition's Enter sends nothing", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    const page = await browser.join(server.url, fresh("alice"));
    const text = page.locator("#text");
    await text.pressSequentially("first line");
    await text.press("Shift+Enter");
    await text.pressSequentially("second line");
    const input = await browser.context.newCDPSession(page);
    await input.send("Input.imeSetComposition", { text: "に", selectionStart: 1, selectionEnd: 1 });
    await text.dispatchEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true });
    await text.dispatchEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true });
    await input.send("Input.insertText", { text: "に" });
    assert.equal(await text.inputValue(), "first line\nsecond lineに");
    await text.press("Enter");
    await bob.sees(": first line");
    await bob.sees(": second lineに");
    await shows(page, "second lineに");
    assert.equal(await times(page, "first line"), 1);
  });

  test("what is too long is refused, and stays to be shortened", async () => {
    const page = await browser.join(server.url, fresh("alice"));
    await say(page, "x".repeat(9000));
    await page.getByText("the message has 9000 bytes; at most 8192 are allowed").waitFor();
    assert.equal((await page.locator("#text").inputValue()).length, 9000);
    await say(page, "/foo");
    await page.getByText("unknown command /foo").waitFor();
  });

  test("a taken or bad name is refused in words, and another can be given", async () => {
    const taken = fresh("bob");
    await Netcat.join(server, taken);
    const page = await browser.open(server.url);
    const name = page.getByLabel("Your name here").first();
    await name.fill(taken);
    await name.press("Enter");
    await page.getByText(`${taken} is taken`).waitFor();
    await name.fill("no blanks");
    await name.press("Enter");
    // Empty is what is shown while the answer is on its way.
    const refusal = async () => (await page.locator("#join-words").innerText()).trim();
    await until("another refusal", async () => (await refusal()) !== "" && !(await refusal()).includes("taken"));
    await name.fill(fresh("alice"));
    await name.press("Enter");
    await page.locator("#title", { hasText: "#lobby" }).waitFor();
  });

  test("rooms are made, listed, left; names change; the topic is shown", async () => {
    const alice = fresh("alice");
    const page = await browser.join(server.url, alice);
    const room = fresh("ops");
    await say(page, `/join ${room}`);
    await page.locator("#title", { hasText: `#${room}` }).waitFor();
    await say(page, "/topic the night shift");
    await page.locator("#topic", { hasText: "the night shift" }).waitFor();
    const renamed = fresh("anna");
    await say(page, `/nick ${renamed}`);
    await page.locator("#me", { hasText: renamed }).waitFor();
    await page.getByRole("button", { name: "Find or make a room" }).click();
    await page.locator("#all-rooms", { hasText: `#${room}` }).waitFor();
    await page.keyboard.press("Escape");
    await say(page, "/leave");
    await page.locator("#title", { hasText: "#lobby" }).waitFor();
    assert.equal(await page.locator(`[data-open="${room}"]`).count(), 0);
  });

  test("unread and what is meant for me are counted in the title", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    const alice = fresh("alice");
    const page = await browser.join(server.url, alice);
    await say(page, `/join ${fresh("elsewhere")}`);
    await page.locator("#title", { hasText: "#elsewhere" }).waitFor();
    bob.say("nothing special");
    await until("one is unread", async () => (await page.title()).startsWith("(1) "));
    bob.say(`and now ${alice.toUpperCase()}!`);
    await until("one is for me", async () => (await page.title()).startsWith("(2 · @1) "));
    bob.say(`${alice}x is somebody else`);
    await until("three are unread", async () => (await page.title()).startsWith("(3 · @1) "));
    await page.locator('[data-open="lobby"]').click();
    await until("all is read", async () => !(await page.title()).startsWith("("));
    await page.locator(".new").waitFor();
  });

  test("search finds, and leads to the message", async () => {
    const page = await browser.join(server.url, fresh("alice"));
    const word = fresh("needle");
    await say(page, `here is the ${word}`);
    await say(page, `/search ${word}`);
    await page.getByText("1 message", { exact: true }).waitFor();
    await page.locator("#results button").click();
    await page.locator(".found-here", { hasText: word }).waitFor();
  });
});

describe("a bad network", () => {
  test("what is typed while offline arrives once", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    const page = await browser.join(wire.url, fresh("alice"));
    wire.cut();
    await page.getByText("You are offline").waitFor();
    await say(page, "typed offline");
    await page.locator("#pending", { hasText: "sending…" }).waitFor();
    bob.say("said meanwhile");
    await mend(page);
    await bob.sees("typed offline");
    await shows(page, "said meanwhile");
    await nothingWaits(page);
    assert.equal(await times(page, "typed offline"), 1);
    assert.equal(await times(page, "said meanwhile"), 1);
    bob.say("done");
    await shows(page, "done");
    assert.equal(bob.count("typed offline"), 1);
  });

  test("what was stored without its ack arriving is not stored twice", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    const page = await browser.join(wire.url, fresh("alice"));
    wire.deaf = true;
    await say(page, "acked into the void");
    await bob.sees("acked into the void");
    wire.cut();
    await page.getByText("You are offline").waitFor();
    await mend(page);
    await nothingWaits(page);
    await say(page, "and on");
    await bob.sees("and on");
    assert.equal(await times(page, "acked into the void"), 1);
    assert.equal(bob.count("acked into the void"), 1);
  });

  test("what waits survives the tab", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    const page = await browser.join(wire.url, fresh("alice"));
    wire.cut();
    await page.getByText("You are offline").waitFor();
    await say(page, "closed before it was sent");
    await page.locator("#pending", { hasText: "sending…" }).waitFor();
    await page.close();
    wire.mend();
    const again = await browser.open(wire.url);
    await bob.sees("closed before it was sent");
    await shows(again, "closed before it was sent");
    assert.equal(bob.count("closed before it was sent"), 1);
  });

  test("a private message of unknown fate is not said again by itself", async () => {
    const bob = fresh("bob");
    const netcat = await Netcat.join(server, bob);
    const page = await browser.join(wire.url, fresh("alice"));
    wire.deaf = true;
    await say(page, `@${bob} once`);
    await netcat.sees("you: once");
    wire.cut();
    await page.getByText("You are offline").waitFor();
    await mend(page);
    await page.locator("#pending .failed", { hasText: "unknown" }).waitFor();
    assert.equal(netcat.count("you: once"), 1);
    await page.getByRole("button", { name: "Send again" }).click();
    await until("it is said again on request", () => netcat.count("you: once") === 2);
  });

  test("a server that starts anew has the history, knows the session, and gets once what was typed meanwhile", async () => {
    await withFolder(async (folder) => {
      let durable = await Server.start("--data", folder);
      const alice = fresh("alice");
      const page = await browser.join(durable.url, alice);
      await say(page, "before the restart");
      await nothingWaits(page);
      const same = ["--data", folder, "--listen", `127.0.0.1:${durable.tcp}`, "--web", `127.0.0.1:${durable.web}`];
      await durable.stop();
      await page.getByText("the server is shutting down. You are offline").waitFor();
      await say(page, "during the restart");
      durable = await Server.start(...same);
      await page.locator('body[data-status="online"]').waitFor();
      await nothingWaits(page);
      const bob = await Netcat.join(durable, fresh("bob"));
      for (const words of ["before the restart", "during the restart"]) {
        assert.equal(await times(page, words), 1, words);
        assert.equal(bob.count(`${alice}: ${words}`), 1, words);
      }
      await page.reload();
      await shows(page, "before the restart");
      assert.equal(await page.locator("#me").innerText(), alice);
      await durable.stop();
    });
  });
});

describe("several tabs", () => {
  const members = async (person) => {
    const before = person.lines.length;
    person.say("/who");
    return until("who is here", () => person.lines.slice(before).find((line) => /here|#lobby/.test(line)));
  };

  test("share one connection, and one of them takes over when the first is closed", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    const alice = fresh("alice");
    const first = await browser.join(server.url, alice);
    await say(first, "before the second tab");
    await shows(first, "before the second tab");
    const second = await browser.open(server.url);
    await shows(second, "before the second tab");
    assert.equal((await members(bob)).split(alice).length, 2, "she is there once");
    await say(second, "from the second tab");
    await bob.sees("from the second tab");
    await shows(first, "from the second tab");
    bob.say("to both");
    await shows(first, "to both");
    await shows(second, "to both");
    await first.close();
    bob.say("to the one that is left");
    await shows(second, "to the one that is left");
    await say(second, "still here");
    await bob.sees("still here");
    for (const words of ["from the second tab", "to both", "still here"]) assert.equal(await times(second, words), 1, words);
  });

  test("leaving forgets everything, in all of them", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    const alice = fresh("alice");
    const first = await browser.join(server.url, alice);
    const second = await browser.open(server.url);
    await second.locator("#title", { hasText: "#lobby" }).waitFor();
    await second.locator("#text").fill("a draft");
    await second.getByRole("button", { name: "Settings" }).click();
    await second.getByRole("button", { name: "Leave the chat" }).click();
    await second.getByRole("heading", { name: "Join the chat" }).waitFor();
    await first.getByRole("heading", { name: "Join the chat" }).waitFor();
    await bob.sees(`${alice} left the chat`);
    await until("nothing is kept", async () => (await second.evaluate(() => localStorage.length)) === 0);
    await Netcat.join(server, alice);
  });
});

describe("what strangers write", () => {
  const EVIL = `<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b> javascript:alert(3) &lt;i&gt;`;

  test("stays text in messages, actions, topics, reasons, rooms and names", async () => {
    const mallory = await Netcat.join(server, fresh("mallory"));
    const page = await browser.join(server.url, fresh("alice"));
    mallory.say(EVIL);
    mallory.say(`/me ${EVIL}`);
    mallory.say(`/topic ${EVIL}`);
    await shows(page, "<b>bold</b>");
    await page.locator("#topic", { hasText: "<script>" }).waitFor();
    mallory.say(`/quit ${EVIL}`);
    await page.locator("#scroller .notice", { hasText: "left the chat. (<img" }).waitFor();
    await say(page, `/search bold`);
    await page.locator("#results button").first().waitFor();
    const made = await page.evaluate(() => document.querySelectorAll("#chat img, #chat b, #chat i, #chat script, dialog img").length);
    assert.equal(made, 0);
    assert.equal(await page.locator("#scroller a").count(), 0, "javascript: is no link");
    const other = await Netcat.join(server, fresh("carol"));
    other.say("/topic ");
  });

  test("links are made of http addresses alone, and don't hand the page over", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    const page = await browser.join(server.url, fresh("alice"));
    const before = await page.locator("#scroller a").count();
    bob.say('see https://example.org/x?"onmouseover=alert(1) (and http://example.org/a_(b)).');
    await shows(page, "example.org/a_(b)");
    const links = page.locator("#scroller a");
    const found = await links.evaluateAll((all) => all.map((a) => [a.getAttribute("href"), a.rel, a.target]));
    assert.deepEqual(found.slice(before).map(([href]) => href), ["https://example.org/x", "http://example.org/a_(b)"]);
    for (const [, rel] of found) assert.match(rel, /noopener/);
  });

  test("no page of another origin gets in", async () => {
    const stranger = http.createServer((_, response) => response.setHeader("content-type", "text/html").end("<title>x</title>"));
    await new Promise((done) => stranger.listen(0, "127.0.0.1", done));
    const connects = (page) =>
      page.evaluate((address) => new Promise((done) => {
        const socket = new WebSocket(address);
        socket.onopen = () => done(true);
        socket.onerror = () => done(false);
      }), `${server.url.replace("http", "ws")}ws`);
    const theirs = await browser.open(`http://127.0.0.1:${stranger.address().port}/`);
    assert.equal(await connects(theirs), false);
    assert.equal(await connects(await browser.open(server.url)), true);
    stranger.close();
  });
});

describe("where it runs", () => {
  test("over TLS by the server's own certificate", () =>
    withFolder(async (data) => {
      const safe = await Server.start("--data", data, "--tls-listen", "127.0.0.1:0", "--tls-self-signed");
      const other = await Browser.start({ ignoreHTTPSErrors: true });
      try {
        assert.match(safe.url, /^https:/);
        const page = await other.join(safe.url, "alice");
        const bob = await Netcat.join(safe, "bob");
        await say(page, "over TLS");
        await bob.sees("alice: over TLS");
        bob.leave();
      } finally {
        await other.stop();
        await safe.stop();
      }
    }));

  test("what is meant for somebody who looks elsewhere is shown by the desktop, where that was asked for", async () => {
    await browser.context.addInitScript(() => {
      window.shown = [];
      window.Notification = class {
        static permission = "default";
        static async requestPermission() {
          window.Notification.permission = "granted";
          return "granted";
        }
        constructor(title, { body }) {
          window.shown.push(`${title}: ${body}`);
        }
        close() {}
      };
      document.hasFocus = () => !window.elsewhere;
    });
    const alice = fresh("alice");
    const page = await browser.join(server.url, alice);
    const bob = await Netcat.join(server, fresh("bob"));
    await page.evaluate(() => (window.elsewhere = true));
    const shown = () => page.evaluate(() => window.shown);
    bob.say(`${alice}: nobody asked for this`);
    await shows(page, "nobody asked for this");
    assert.deepEqual(await shown(), []);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Desktop notifications").check();
    await page.getByRole("button", { name: "Close" }).last().click();
    bob.say("for everybody");
    bob.say(`${alice}: for you`);
    bob.say(`@${alice} for you alone`);
    await until("both are shown", async () => (await shown()).length >= 2);
    const all = (await shown()).join("\n");
    assert.match(all, /: for you$/m);
    assert.match(all, /for you alone/);
    assert.doesNotMatch(all, /everybody/);
    bob.leave();
  });

  test("the first message is there soon after the welcome", async () => {
    const bob = await Netcat.join(server, fresh("bob"));
    bob.say("the newest of all");
    const page = await browser.open(server.url);
    await page.evaluate(() => {
      const seen = new MutationObserver(() => {
        if (document.querySelector("#scroller .message")) window.shownAt ??= performance.now();
      });
      seen.observe(document.getElementById("pages"), { childList: true, subtree: true });
      document.getElementById("join").addEventListener("submit", () => (window.joinedAt = performance.now()));
    });
    await page.getByLabel("Your name here").first().fill(fresh("alice"));
    await page.keyboard.press("Enter");
    await shows(page, "the newest of all");
    const took = await page.evaluate(() => window.shownAt - window.joinedAt);
    console.log(`# from Enter to the first message: ${Math.round(took)} ms`);
    assert.ok(took < 1000, `${took} ms`);
  });

  test("the keyboard alone suffices", async () => {
    const bob = fresh("bob");
    const netcat = await Netcat.join(server, bob);
    const page = await browser.open(server.url);
    await page.locator("#alias:focus").waitFor();
    await page.keyboard.type(fresh("alice"));
    await page.keyboard.press("Enter");
    await page.locator("#text:focus").waitFor();
    await page.keyboard.type("typed");
    await page.keyboard.press("Enter");
    await netcat.sees("typed");
    // Backwards from the line, past the links in messages, there are the messages; forwards the members.
    const press = async (key, reached, argument) => {
      for (let i = 0; i < 60 && !(await page.evaluate(reached, argument)); i += 1) await page.keyboard.press(key);
      assert.ok(await page.evaluate(reached, argument), `${key} leads there`);
    };
    await press("Shift+Tab", () => document.activeElement.id === "scroller");
    await press("Tab", (name) => document.activeElement.innerText.trim() === name, bob);
    await page.keyboard.press("Enter");
    await page.locator("#title", { hasText: bob }).waitFor();
    await page.locator("#text:focus").waitFor();
    await page.keyboard.press("Alt+ArrowUp");
    await page.locator("#title", { hasText: "#lobby" }).waitFor();
  });

  test("a screen reader is told what is said now, bursts as one sentence, history never", async () => {
    const bob = fresh("bob");
    const netcat = await Netcat.join(server, bob);
    netcat.say("said before");
    const page = await browser.join(server.url, fresh("alice"));
    await shows(page, "said before");
    const region = page.locator("#announcer");
    netcat.say("said now");
    await until("it is announced", async () => (await region.innerText()).trim() === `${bob}: said now`);
    for (let i = 0; i < 20; i += 1) netcat.say(`burst ${i}`);
    await until("the burst is summed up", async () => /^(20|19|18|17) messages from/.test(await region.innerText()));
    await page.getByRole("button", { name: "Settings" }).click();
    await page.locator("#announce").selectOption("none");
    netcat.say("in silence");
    await shows(page, "in silence");
    await page.locator("#announce").selectOption("all");
    netcat.say("aloud");
    // What was waiting to be said would be said with it.
    await until("it speaks again", async () => (await region.innerText()).includes("aloud"));
    assert.ok(!(await region.innerText()).includes("in silence"));
  });
});
