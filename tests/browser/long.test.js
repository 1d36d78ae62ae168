// Rooms in which much was said, and much is being said. What was measured is printed.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Browser, Crowd, Server, until } from "./world.js";

let server;
let browser;
let crowd;

before(async () => {
  server = await Server.start("--max-rate", "0");
});
after(() => server.stop());
beforeEach(async () => {
  browser = await Browser.start();
});
afterEach(async () => {
  crowd.leave();
  await browser.stop();
  assert.deepEqual(browser.complaints, []);
});

/** Counts frames, and the time of each, until `stopFrames` is called. */
const startFrames = (page) =>
  page.evaluate(() => {
    window.frames_ = [];
    const step = (time) => {
      window.frames_.push(time);
      window.going = requestAnimationFrame(step);
    };
    window.going = requestAnimationFrame(step);
  });

async function stopFrames(page) {
  const times = await page.evaluate(() => {
    cancelAnimationFrame(window.going);
    return window.frames_;
  });
  const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
  const seconds = (times.at(-1) - times[0]) / 1000;
  return { fps: gaps.length / seconds, p99: gaps[Math.floor(gaps.length * 0.99)], longest: gaps.at(-1) };
}

const report = (what, { fps, p99, longest }) =>
  console.log(`# ${what}: ${fps.toFixed(1)} frames/s, 99 % within ${p99.toFixed(0)} ms, longest ${longest.toFixed(0)} ms`);

test("10,000 messages are scrolled through to the beginning", async () => {
  crowd = await Crowd.join(server, "crowd");
  await crowd.sayMany(10_000, (i) => `message ${i + 1} ${"of many words ".repeat(i % 7)}`);
  const page = await browser.join(server.url, "alice");
  await page.getByText("message 10000").waitFor();
  await startFrames(page);
  await page.locator("#scroller").hover();
  const start = Date.now();
  await until(
    "the beginning is reached",
    async () => {
      await page.mouse.wheel(0, -6000);
      return page.locator("#beginning").isVisible();
    },
    90_000,
  );
  report(`scrolled through 10,000 messages in ${((Date.now() - start) / 1000).toFixed(1)} s`, await stopFrames(page));
  const seqs = await page.locator("#scroller [data-seq]").evaluateAll((all) => all.map((one) => Number(one.dataset.seq)));
  assert.equal(seqs.length, 10_000);
  seqs.forEach((seq, index) => assert.equal(seq, index + 1));
  // With all of it there, what is said now is still shown at once.
  const shown = await page.evaluate(() => {
    document.getElementById("to-end").click();
    const start = performance.now();
    return new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))));
  });
  console.log(`# back to the newest in ${shown.toFixed(0)} ms`);
  crowd.say("the very last", "last");
  await page.getByText("the very last").waitFor();
});

test("history that is read stays in place while more of it and more news come", async () => {
  crowd = await Crowd.join(server, "crowd2");
  await crowd.sayMany(1000, (i) => `line ${i}`);
  const page = await browser.join(server.url, "bob");
  await page.getByText("line 999").waitFor();
  await page.locator("#scroller").hover();
  await page.mouse.wheel(0, -1800);
  await page.waitForFunction(() => !document.getElementById("to-end").hidden);
  await page.waitForFunction(() => document.querySelectorAll("#scroller [data-seq]").length >= 200);
  const place = () =>
    page.evaluate(() => {
      const box = document.getElementById("scroller").getBoundingClientRect();
      const seen = [...document.querySelectorAll("#scroller [data-seq]")].find((one) => one.getBoundingClientRect().top >= box.top);
      return [seen.dataset.seq, Math.round(seen.getBoundingClientRect().top - box.top)];
    });
  const before = await place();
  await crowd.sayMany(300, (i) => `news ${i}`);
  await page.getByText("300 new").waitFor();
  assert.deepEqual(await place(), before);
});

test("frames keep coming while 200 messages a second arrive", async () => {
  crowd = await Crowd.join(server, "crowd3");
  const page = await browser.join(server.url, "carol");
  await startFrames(page);
  const start = Date.now();
  let said = 0;
  while (said < 1000) {
    const due = Math.min(1000, Math.floor((Date.now() - start) / 5));
    for (; said < due; said += 1) crowd.say(`steady ${said}`, `s${said}`);
    await new Promise((done) => setTimeout(done, 5));
  }
  await page.getByText("steady 999", { exact: true }).waitFor();
  const frames = await stopFrames(page);
  report("200 messages/s for 5 s", frames);
  assert.ok(frames.fps > 30, "the page stutters");
});
