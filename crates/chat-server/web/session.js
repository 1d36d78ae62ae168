// Who we are here, and what we ask for. What the server says is carried out in inbox.js.

import { Connection } from "./connection.js";
import { Inbox } from "./inbox.js";
import { Outbox } from "./outbox.js";
import { randomName } from "./random.js";
import { Conversation, Rooms } from "./rooms.js";
import { forgetAll, load, save } from "./store.js";
import { Tabs } from "./tabs.js";

const HISTORY = 100;
const PAGE = 200;
const ANSWER_WITHIN = 10_000;
const encoder = new TextEncoder();

export class Session {
  /**
   * @param {object} ui
   *   `changed()`: something is to be shown anew; `login({words, needs}, alias)`: a name is needed, and what else;
   *   `refused(words)`: something had no effect; `entered(conversation)`: the session is in a room;
   *   `heard(item, conversation)`: said just now by somebody else; `isReading(conversation)`: whether a person sees its end.
   */
  constructor(ui) {
    this.ui = ui;
    this.rooms = new Rooms();
    this.outbox = new Outbox();
    /** `{alias, account?, session?, log?, rooms?}`, or null while nobody has joined. */
    this.me = load("me");
    /** `{password?, invite?}` until the server has answered to it; never stored. */
    this.proof = {};
    /** What was said at the door, and what it asks for besides a name. */
    this.door = {};
    this.read = load("read", {});
    this.ignored = load("ignored", []);
    this.limits = { max_text: 8192, max_line: 32_768, max_lines: 100 };
    /** starting, out, connecting, waiting, online, replaced */
    this.status = "starting";
    this.retryAt = 0;
    this.reason = "";
    this.requests = new Map();
    this.inbox = new Inbox(this);
    this.connection = new Connection({
      hello: () => this.hello(),
      lines: (messages) => this.lines(messages),
      status: (status, retryAt) => this.connectionIs(status, retryAt),
    });
    this.tabs = new Tabs({
      lead: () => this.lead(),
      follow: () => this.follow(),
      receive: (kind, data, from) => this.fromTab(kind, data, from),
    });
  }

  start() {
    this.tabs.start();
  }

  get online() {
    return this.status === "online";
  }

  // The connection, where this tab leads.

  lead() {
    this.me ??= load("me");
    this.outbox.lead();
    if (this.me) return this.connection.open();
    this.becomes("out");
    this.ui.login();
  }

  follow() {
    this.connection.close();
    if (this.tabs.leader) this.tabs.post("want-state");
  }

  hello() {
    const { alias, session, log } = this.me;
    const known = this.rooms.rooms.filter((room) => room.joined);
    const rooms = known.length
      ? known.map((room) => ({ room: room.key, after: room.cursor }))
      : this.me.rooms?.map((room) => ({ room }));
    return { type: "hello", v: 1, alias, ...this.proof, session, log: known.length ? log : undefined, rooms, history: HISTORY };
  }

  connectionIs(status, retryAt = 0) {
    if (!this.tabs.leads || status === "closed") return;
    this.retryAt = retryAt;
    this.becomes(status);
  }

  becomes(status) {
    this.status = status;
    if (status !== "online") this.failRequests("you are offline");
    if (this.tabs.leads) this.tabs.post("status", { status, retryAt: this.retryAt, reason: this.reason, me: this.me, door: this.door });
    this.ui.changed();
  }

  lines(messages) {
    messages.forEach((message) => this.inbox.take(message));
    this.tabs.post("lines", messages);
    this.outboxChanged();
  }

  flush() {
    if (this.online) this.outbox.flush((message) => this.connection.send(message));
  }

  // Other tabs.

  fromTab(kind, data, from) {
    const asLeader = {
      "want-state": () => this.tabs.post("state", { to: from, ...this.state() }),
      send: () => this.connection.send(data),
      join: () => this.join(data),
      say: () => this.outbox.take(data),
      again: () => this.outbox.retry(data),
      dismiss: () => this.outbox.settle(data),
      retry: () => this.connection.retryNow(),
    };
    const always = {
      state: () => data.to === this.tabs.name && !this.tabs.leads && this.adopt(data),
      status: () => !this.tabs.leads && this.mirror(data),
      lines: () => !this.tabs.leads && data.forEach((message) => this.inbox.take(message)),
      outbox: () => !this.tabs.leads && this.outbox.mirror(data),
      read: () => this.markRead(this.rooms.get(data), false),
      left: () => this.forget(),
    };
    if (this.tabs.leads && asLeader[kind]) {
      asLeader[kind]();
      this.outboxChanged();
    }
    always[kind]?.();
    this.ui.changed();
  }

  state() {
    const { me, limits, status, retryAt, reason, door } = this;
    const { entries } = this.outbox;
    return { me, limits, status, retryAt, reason, door, entries, conversations: this.rooms.list.map((one) => one.snapshot()) };
  }

  adopt(state) {
    this.rooms.all = new Map(state.conversations.map((one) => [one.key, Conversation.restore(one)]));
    this.limits = state.limits;
    this.outbox.mirror(state.entries);
    this.outbox.unseen.forEach((entry) => this.tabs.post("say", entry));
    this.mirror(state);
    this.rooms.rooms.slice(0, 1).forEach((room) => this.ui.entered(room));
  }

  mirror({ status, retryAt, reason, me, door }) {
    Object.assign(this, { retryAt, reason, me, door });
    this.becomes(status);
    if (status === "out") this.ui.login(door, me?.alias);
  }

  /** Hands a message to the server by way of the leader. */
  send(message) {
    if (this.tabs.leads) this.connection.send(message);
    else this.tabs.post("send", message);
  }

  // What a person does.

  join({ alias, ...proof }) {
    this.me = { alias };
    if (!this.tabs.leads) return this.tabs.post("join", { alias, ...proof });
    this.proof = proof;
    this.connection.open();
  }

  /** Says good-bye and forgets all: somebody else may use this browser next. */
  leave(reason) {
    this.send({ type: "quit", reason });
    this.tabs.post("left");
    this.forget();
  }

  forget() {
    forgetAll();
    this.outbox.clear();
    this.rooms = new Rooms();
    this.read = {};
    this.ignored = [];
    this.me = null;
    this.proof = {};
    this.door = {};
    // The good-bye is on its way; closing waits for it.
    if (this.tabs.leads) this.connection.close();
    this.becomes("out");
    this.ui.login();
  }

  /** Why this can't be said, or null. */
  objection(text) {
    const bytes = encoder.encode(text).length;
    const { max_text, max_lines, max_line } = this.limits;
    if (bytes > max_text) return `the message has ${bytes} bytes; at most ${max_text} are allowed`;
    const lines = text.split("\n").length;
    if (lines > max_lines) return `the message has ${lines} lines; at most ${max_lines} are allowed`;
    if (encoder.encode(JSON.stringify(text)).length + 300 > max_line) return "the message is too long";
    return null;
  }

  /** Says something; null, or why not. */
  say(conversation, text, kind = "say") {
    const objection = this.objection(text);
    if (objection) return objection;
    const target = conversation.isPrivate ? { to: conversation.name } : { room: conversation.key };
    const entry = this.outbox.make(target, text, kind, this.me?.log);
    if (!this.tabs.leads) this.outbox.hand(entry);
    this.changeOutbox("say", entry, () => this.outbox.take(entry));
    return null;
  }

  sayAgain(id) {
    this.changeOutbox("again", id, () => this.outbox.retry(id));
  }

  dismiss(id) {
    this.changeOutbox("dismiss", id, () => this.outbox.settle(id));
  }

  /** Has the leader do it, or does it as the leader. */
  changeOutbox(kind, data, change) {
    if (!this.tabs.leads) {
      this.tabs.post(kind, data);
      return this.ui.changed();
    }
    change();
    return this.outboxChanged();
  }

  outboxChanged() {
    this.flush();
    this.tabs.post("outbox", this.outbox.entries);
    this.ui.changed();
  }

  /** Asks something of the server; resolves to its answer, or rejects with words for a person. */
  request(type, fields = {}) {
    const id = randomName("r");
    const answer = new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.requests.delete(id) && reject(new Error("the server doesn't answer")), ANSWER_WITHIN);
      this.requests.set(id, { resolve, reject, timer, messages: [] });
    });
    if (this.online) this.send({ type, ...fields, id });
    else this.answer(id, (request) => request.reject(new Error("you are offline")));
    return answer;
  }

  answer(id, how) {
    const request = this.requests.get(id);
    if (!request) return false;
    clearTimeout(request.timer);
    this.requests.delete(id);
    how(request);
    return true;
  }

  failRequests(words) {
    for (const id of [...this.requests.keys()]) this.answer(id, (request) => request.reject(new Error(words)));
  }

  async rename(alias) {
    await this.request("nick", { alias });
    this.inbox.isNow(alias.normalize());
  }

  async register(password) {
    await this.request("register", { password });
    this.inbox.isAccount(true);
  }

  async changePassword(password, next) {
    await this.request("password", { password: password || undefined, new: next });
  }

  async unregister(password) {
    await this.request("unregister", { password });
    this.inbox.isAccount(false);
  }

  async leaveRoom(conversation) {
    if (!conversation.isPrivate) await this.request("leave", { room: conversation.key });
    this.rooms.remove(conversation.key);
    this.keepRooms();
    this.ui.changed();
  }

  /** Fetches what was said before the oldest that is known; true if there was something. */
  older(conversation, limit = PAGE) {
    if (!conversation.more || !conversation.firstSeq || !this.online) return Promise.resolve(false);
    conversation.loading ??= this.fetchOlder(conversation, limit).finally(() => {
      conversation.loading = null;
    });
    return conversation.loading;
  }

  async fetchOlder(conversation, limit) {
    const { epoch } = conversation;
    const before = conversation.firstSeq;
    const { messages, more } = await this.request("history", { room: conversation.address, before, limit });
    if (conversation.epoch !== epoch) return false;
    conversation.more = more;
    conversation.prepend(messages.map((message) => this.inbox.item(message)).filter(Boolean));
    this.ui.changed();
    return true;
  }

  ignore(name, on) {
    const folded = name.toLowerCase();
    this.ignored = this.ignored.filter((other) => other !== folded);
    if (on) this.ignored.push(folded);
    save("ignored", this.ignored);
  }

  ignores(name) {
    return this.ignored.includes(name.toLowerCase());
  }

  markRead(conversation, tell = true) {
    if (!conversation || (conversation.lastRead === conversation.cursor && !conversation.unread)) return;
    conversation.lastRead = conversation.cursor;
    conversation.unread = 0;
    conversation.mentions = 0;
    if (!tell) return;
    this.tabs.post("read", conversation.key);
    if (conversation.isPrivate) return;
    this.read[conversation.key] = conversation.lastRead;
    clearTimeout(this.readTimer);
    this.readTimer = setTimeout(() => this.me && save("read", this.read), 300);
  }

  keepMe() {
    save("me", this.me ?? undefined);
  }

  keepRooms() {
    if (!this.me) return;
    this.me.rooms = this.rooms.rooms.filter((room) => room.joined).map((room) => room.key);
    this.keepMe();
  }
}
