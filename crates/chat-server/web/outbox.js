// What was said and is not known to have arrived. It survives the tab: the same ids are said again, and the server stores once.

import { load, save } from "./store.js";
import { randomName } from "./random.js";

const KEY = "outbox";
// As many unacked messages as a client may have.
const AT_ONCE = 64;

/**
 * An entry: `{id, room | to, text, kind, time, sent, log, failed?}`.
 * `sent`: handed to a connection once, so that its fate is unknown until an answer comes.
 *
 * Of several tabs the leader's is the true one: it alone keeps it in storage (which other tabs see late) and tells the others.
 */
export class Outbox {
  constructor() {
    this.entries = load(KEY, []);
    /** Those handed to the connection that is open now. */
    this.underWay = new Set();
    /** What was added here while another tab leads, until that one shows that it has it. */
    this.unseen = new Map();
  }

  keep() {
    save(KEY, this.entries.length ? this.entries : undefined);
  }

  /** This tab leads from now on. */
  lead() {
    this.entries = load(KEY, []);
    this.unseen.forEach((entry) => this.take(entry));
    this.unseen.clear();
  }

  clear() {
    this.entries = [];
    this.unseen.clear();
  }

  make(target, text, kind, log) {
    return { id: randomName("m"), ...target, text, kind, time: Date.now(), sent: false, log };
  }

  /** As the leader. */
  take(entry) {
    if (this.entries.some(({ id }) => id === entry.id)) return;
    this.entries.push(entry);
    this.keep();
  }

  /** As another tab: shows it until the leader has it. */
  hand(entry) {
    this.unseen.set(entry.id, entry);
    this.entries = [...this.entries, entry];
  }

  /** As another tab: what the leader has. */
  mirror(entries) {
    entries.forEach(({ id }) => this.unseen.delete(id));
    this.entries = [...entries, ...this.unseen.values()];
  }

  /** Takes an entry out whose fate is known; null where it is long settled. */
  settle(id) {
    this.underWay.delete(id);
    const index = this.entries.findIndex((entry) => entry.id === id);
    if (index < 0) return null;
    const [entry] = this.entries.splice(index, 1);
    this.keep();
    return entry;
  }

  fail(id, why) {
    this.underWay.delete(id);
    const entry = this.entries.find((other) => other.id === id);
    if (entry) entry.failed = why;
    this.keep();
  }

  /** Says it again: under a new id, as the old one may be spoken for. */
  retry(id) {
    const entry = this.settle(id);
    if (entry) this.take({ ...entry, id: randomName("m"), sent: false, failed: undefined, time: Date.now() });
  }

  /** A connection begins: nothing is under way in it. */
  restart(log, sessionIsNew) {
    this.underWay.clear();
    for (const entry of this.entries) {
      const unsure = entry.sent && !entry.failed;
      // A private message is said once; and a new session can't tell a repetition from something new in the same log.
      if (unsure && (entry.to || (sessionIsNew && entry.log === log))) {
        entry.failed = "the connection broke, and whether this arrived is unknown";
      }
    }
    this.keep();
  }

  /** Hands on what waits, in order, as far as it may be under way at once. */
  flush(send) {
    let changed = false;
    for (const entry of this.entries) {
      if (this.underWay.size >= AT_ONCE) break;
      if (entry.failed || this.underWay.has(entry.id)) continue;
      if (!send(line(entry))) break;
      this.underWay.add(entry.id);
      if (!entry.sent) {
        entry.sent = true;
        changed = true;
      }
    }
    if (changed) this.keep();
  }

  /** What waits for this conversation. */
  of(conversation) {
    return this.entries.filter((entry) => conversation.matches(entry));
  }
}

function line({ id, room, to, text, kind }) {
  return to ? { type: "private", to, text, kind, id } : { type: "say", room, text, kind, id };
}
