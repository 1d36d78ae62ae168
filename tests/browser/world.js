// What a scenario needs: a server, people who use netcat, a wire that can be cut, and a browser.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const PROGRAMS = process.env.CHAT_PROGRAMS ?? new URL("../../target/debug", import.meta.url).pathname;
const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";
const DEADLINE = 15_000;

/** Waits until `check` gives something true; what it gave. */
export async function until(what, check, within = DEADLINE) {
  const end = Date.now() + within;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** A server on free ports. */
export class Server {
  static async start(...flags) {
    const server = new Server();
    const all = [...flags];
    if (!flags.includes("--listen")) all.push("--listen", "127.0.0.1:0");
    if (!flags.includes("--web")) all.push("--web", "127.0.0.1:0");
    if (!flags.includes("--data")) all.push("--ephemeral");
    server.process = spawn(join(PROGRAMS, "chat-server"), all, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, RUST_LOG: "warn" } });
    for await (const line of createInterface({ input: server.process.stdout })) {
      const [, kind, port] = /^listening on (tcp|https?):\/\/.*:(\d+)\/?$/.exec(line) ?? [];
      if (kind === "tcp") server.tcp = Number(port);
      else if (kind) Object.assign(server, { web: Number(port), url: `${kind}://127.0.0.1:${port}/` });
      if (server.tcp && server.web) break;
    }
    return server;
  }

  async stop() {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    await ended;
  }
}

/** Somebody with netcat. */
export class Netcat {
  static async join(server, alias, password) {
    const person = new Netcat();
    person.lines = [];
    person.socket = net.connect(server.tcp, "127.0.0.1");
    createInterface({ input: person.socket }).on("line", (line) => person.lines.push(line));
    person.say(alias);
    if (password) {
      await person.sees("PASSWORD?");
      person.say(password);
    }
    await person.sees(`You are ${alias}`);
    return person;
  }

  say(line) {
    this.socket.write(`${line}\n`);
  }

  count(words) {
    return this.lines.filter((line) => line.includes(words)).length;
  }

  sees(words) {
    return until(`netcat sees ${JSON.stringify(words)}`, () => this.count(words) > 0);
  }

  leave() {
    this.socket.destroy();
  }
}

/** Somebody with chat-client, its input and output piped. */
export class Client {
  static async join(server, alias) {
    const person = new Client();
    person.lines = [];
    const flags = [alias, "--server", `127.0.0.1:${server.tcp}`, "--plain"];
    person.process = spawn(join(PROGRAMS, "chat-client"), flags, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: person.process.stdout }).on("line", (line) => person.lines.push(line));
    await person.sees("");
    return person;
  }

  say(line) {
    this.process.stdin.write(`${line}\n`);
  }

  sees(words) {
    return until(`chat-client shows ${JSON.stringify(words)}`, () => this.lines.some((line) => line.includes(words)));
  }

  async leave() {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.stdin.end();
    await ended;
  }
}

/** A program that says many things, as fast as it is acked or at a pace. */
export class Crowd {
  static async join(server, alias) {
    const crowd = new Crowd();
    crowd.acked = 0;
    crowd.socket = net.connect(server.tcp, "127.0.0.1");
    createInterface({ input: crowd.socket }).on("line", (line) => {
      if (line.includes('"type":"ack"')) crowd.acked += 1;
      if (line.includes('"type":"welcome"')) crowd.welcome = true;
    });
    crowd.send({ type: "hello", alias, quiet: true });
    await until("the crowd is welcome", () => crowd.welcome);
    return crowd;
  }

  send(message) {
    this.socket.write(`${JSON.stringify(message)}\n`);
  }

  say(text, id) {
    this.send({ type: "say", room: "lobby", text, id });
  }

  async sayMany(count, text) {
    const before = this.acked;
    for (let i = 0; i < count; i += 1) this.say(text(i), `m${before + i}`);
    await until(`${count} messages are acked`, () => this.acked >= before + count, 60_000);
  }

  leave() {
    this.socket.destroy();
  }
}

/** A wire to the server's page that can be cut, and that can lose what the server says. */
export class Wire {
  static async to(server) {
    const wire = new Wire();
    wire.pairs = new Set();
    wire.isCut = false;
    wire.deaf = false;
    wire.listener = net.createServer((near) => wire.carry(near, server.web));
    await new Promise((done) => wire.listener.listen(0, "127.0.0.1", done));
    wire.url = `http://127.0.0.1:${wire.listener.address().port}/`;
    return wire;
  }

  carry(near, port) {
    if (this.isCut) return near.destroy();
    const far = net.connect(port, "127.0.0.1");
    const pair = { near, far };
    this.pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      this.pairs.delete(pair);
    };
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => this.deaf || near.write(bytes));
    for (const socket of [near, far]) socket.on("close", end).on("error", end);
  }

  cut() {
    this.isCut = true;
    for (const { near, far } of [...this.pairs]) {
      near.destroy();
      far.destroy();
    }
  }

  mend() {
    this.isCut = false;
    this.deaf = false;
  }

  close() {
    this.cut();
    this.listener.close();
  }
}

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A folder of its own, removed when `use` is done. */
export async function withFolder(use) {
  const folder = mkdtempSync(join(tmpdir(), "chat-data-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A Chromium with an empty profile. What its pages complain about is collected. */
export class Browser {
  static async start(options = {}) {
    const browser = new Browser();
    browser.profile = mkdtempSync(join(tmpdir(), "chat-browser-"));
    browser.complaints = [];
    browser.context = await chromium.launchPersistentContext(browser.profile, {
      executablePath: BROWSER,
      args: FLAGS,
      viewport: { width: 1180, height: 760 },
      timezoneId: "Europe/Berlin",
      locale: "en-GB",
      ...options,
    });
    browser.context.setDefaultTimeout(DEADLINE);
    browser.context.on("page", (page) => browser.watch(page));
    browser.context.pages().forEach((page) => browser.watch(page));
    return browser;
  }

  watch(page) {
    page.on("console", (message) => {
      const text = message.text();
      // A wire that was cut on purpose is the network's complaint, not the page's.
      if (message.type() === "error" && !/WebSocket connection to .* failed|net::ERR_/.test(text)) this.complaints.push(text);
    });
    page.on("pageerror", (error) => this.complaints.push(String(error.stack ?? error)));
    page.on("dialog", (dialog) => {
      this.complaints.push(`a dialog opened: ${dialog.message()}`);
      dialog.dismiss();
    });
  }

  async open(url) {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }

  async join(url, alias) {
    const page = await this.open(url);
    await page.getByLabel("Your name here").first().fill(alias);
    await page.getByRole("button", { name: "Join" }).click();
    await page.locator("#title", { hasText: "#lobby" }).waitFor();
    await page.locator('body[data-status="online"]').waitFor();
    return page;
  }

  async stop() {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true });
  }
}

/** Types a line and sends it. */
export async function say(page, text) {
  await page.locator("#text").fill(text);
  await page.locator("#text").press("Enter");
}

/** The text of each message in view of the model, pending ones included. */
export const texts = (page) => page.locator("#scroller .message .text").allInnerTexts();
