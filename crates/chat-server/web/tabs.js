// Several tabs, one connection: one of them leads, holds it, and tells the others all that comes.
//
// BroadcastChannel works on plain http; Web Locks, which would elect for us, don't. So a tab asks who leads and takes the lead
// when nobody answers. Should two lead for a moment, the one with the smaller name stays; the server lets only one continue a session anyway.

import { CHANNEL } from "./store.js";
import { randomName } from "./random.js";

const ANSWER_WITHIN = 400;
const ASK_EVERY = 2_500;

export class Tabs {
  /** @param {object} events `lead()`, `follow()`, `receive(kind, data, from)` */
  constructor(events) {
    this.events = events;
    this.name = randomName("t");
    this.leads = false;
    this.leader = null;
    this.answerTimer = 0;
    this.askTimer = 0;
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;
    this.channel?.addEventListener("message", ({ data }) => this.receive(data));
    window.addEventListener("pagehide", () => this.resign());
    window.addEventListener("pageshow", (event) => event.persisted && this.start());
  }

  start() {
    if (!this.channel) return this.lead();
    this.ask();
  }

  post(kind, data) {
    this.channel?.postMessage({ kind, data, from: this.name });
  }

  ask() {
    clearTimeout(this.answerTimer);
    clearTimeout(this.askTimer);
    this.post("who-leads");
    // A first tab would wait in vain for an answer: what it waits is what a person waits for the page.
    const patience = this.leader ? ANSWER_WITHIN * 2 : ANSWER_WITHIN / 4;
    this.answerTimer = setTimeout(() => this.lead(), patience + 50 * Math.random());
  }

  lead() {
    clearTimeout(this.answerTimer);
    clearTimeout(this.askTimer);
    if (this.leads) return;
    this.leads = true;
    this.leader = this.name;
    this.post("i-lead");
    this.events.lead();
  }

  follow(leader) {
    clearTimeout(this.answerTimer);
    clearTimeout(this.askTimer);
    this.askTimer = setTimeout(() => this.ask(), ASK_EVERY);
    const news = this.leader !== leader;
    this.leader = leader;
    this.leads = false;
    if (news) this.events.follow();
  }

  /** The page goes away: somebody else is to lead, at once. */
  resign() {
    clearTimeout(this.answerTimer);
    clearTimeout(this.askTimer);
    if (this.leads) {
      this.leads = false;
      this.leader = null;
      this.events.follow();
      this.post("i-resign");
    }
  }

  receive({ kind, data, from }) {
    if (kind === "who-leads") {
      if (this.leads) this.post("i-lead");
    } else if (kind === "i-lead") {
      if (this.leads && this.name < from) this.post("i-lead");
      else this.follow(from);
    } else if (kind === "i-resign") {
      if (this.leader === from) {
        this.leader = null;
        this.ask();
      }
    } else {
      this.events.receive(kind, data, from);
    }
  }
}
