// What the server says, carried out on the model.

import { privateKey } from "./rooms.js";
import { mentions } from "./text.js";

export class Inbox {
  constructor(session) {
    this.session = session;
  }

  take(message) {
    // A type that isn't known is of a later version, and nothing to us.
    const handler = HANDLERS[message.type];
    if (handler) this[handler](message);
  }

  get leads() {
    return this.session.tabs.leads;
  }

  welcome({ alias, account = false, session: secret, log, limits }) {
    const { session } = this;
    const isNew = session.me.session !== secret;
    if (session.me.log && session.me.log !== log) {
      session.read = {};
      session.rooms.rooms.forEach((room) => {
        room.clear();
        room.cursor = 0;
      });
      session.rooms.privates.forEach((one) => one.loseSeqs());
    }
    Object.assign(session.me, { alias, account, session: secret, log });
    Object.assign(session, { proof: {}, door: {} });
    session.limits = limits;
    session.reason = "";
    if (this.leads) {
      session.keepMe();
      session.outbox.restart(log, isNew);
      session.connection.settled();
    }
    session.becomes("online");
  }

  joined({ room, topic, count, members, head }) {
    const { session } = this;
    // A private conversation that is kept: its messages say all there is to know.
    if (room.startsWith("@")) return;
    const conversation = session.rooms.room(room);
    const first = !conversation.joined;
    if (first) {
      conversation.lastRead = session.read[room] ?? head;
      conversation.joined = true;
      session.keepRooms();
    }
    Object.assign(conversation, { topic, count, members, head });
    if (head === 0) conversation.more = false;
    if (first) session.ui.entered(conversation);
  }

  message(message) {
    const { session } = this;
    if (message.re) {
      session.requests.get(message.re)?.messages.push(message);
      return;
    }
    const conversation = session.rooms.get(message.room);
    if (!conversation || message.seq <= conversation.cursor) return;
    const item = this.item(message);
    if (item) this.add(conversation, item, message.seq > conversation.head);
    else conversation.cursor = message.seq;
  }

  /** A message as the model keeps it; null if its author is ignored. */
  item({ kind, seq, time, from, text, own }) {
    if (!own && this.session.ignores(from)) return null;
    const forMe = !own && mentions(text, this.session.me.alias);
    return { kind, seq, time: Date.parse(time), from, text, own: Boolean(own), forMe };
  }

  add(conversation, item, live) {
    const { session } = this;
    conversation.append(item);
    if (item.own || item.kind === "notice" || item.kind === "gap") return;
    const unread = conversation.isPrivate || item.seq > conversation.lastRead;
    if (unread && !session.ui.isReading(conversation)) {
      conversation.unread += 1;
      if (item.forMe || conversation.isPrivate) conversation.mentions += 1;
    }
    if (live) session.ui.heard(item, conversation);
  }

  ack(message) {
    const { session } = this;
    if (session.answer(message.id, (request) => request.resolve(message))) return;
    // The leader takes it out of the outbox and tells the other tabs what it was.
    if (this.leads) message.entry = session.outbox.settle(message.id);
    const { entry, seq, room, to, time } = message;
    const conversation = to ? session.rooms.private(to) : session.rooms.get(room);
    if (!conversation) return;
    if (seq && seq <= conversation.cursor) return;
    conversation.begin(seq);
    if (entry) {
      const { kind, text } = entry;
      conversation.append({ kind, seq, time: Date.parse(time), from: session.me.alias, text, own: true });
    } else if (seq) {
      this.fetchOne(conversation, seq);
    }
  }

  /** Something of ours that another page said. */
  async fetchOne(conversation, seq) {
    const { session } = this;
    const answer = await session.request("history", { room: conversation.address, after: seq - 1, limit: 1 }).catch(() => null);
    const item = answer?.messages[0] && this.item(answer.messages[0]);
    if (item) conversation.insert(item);
    session.ui.changed();
  }

  /** With a `seq` where the conversation is kept: one of two accounts, of which another session may be `own`. */
  private({ time, from, to, text, kind, seq, own = false }) {
    const { session } = this;
    if (!own && session.ignores(from)) return;
    const other = own ? to : from;
    const conversation = session.rooms.private(other);
    conversation.name = other;
    if (seq && seq <= conversation.cursor) return;
    conversation.begin(seq);
    this.add(conversation, { kind, seq, time: Date.parse(time), from, text, own }, true);
  }

  /** Said to all, wherever they are: it stands in every conversation, and is heard once. */
  announcement({ time, from, text }) {
    const { session } = this;
    const item = { kind: "announcement", time: Date.parse(time), from, text, forMe: true };
    session.rooms.list.forEach((conversation) => conversation.append({ ...item }));
    const [place] = session.rooms.list;
    if (place) session.ui.heard(item, place);
  }

  redacted({ room, seq, by }) {
    const { rooms } = this.session;
    const conversation = room.startsWith("@") ? rooms.get(privateKey(room.slice(1))) : rooms.get(room);
    conversation?.remove(seq, by);
  }

  /** The room isn't open to us any more. */
  left({ room, reason }) {
    const { session } = this;
    if (!session.rooms.get(room)) return;
    session.rooms.remove(room);
    session.keepRooms();
    session.ui.refused(`you are not in #${room} any more: ${reason}`);
  }

  invited({ room, by }) {
    this.session.ui.refused(`${by} made you a member of #${room}; /join ${room} enters it`);
  }

  presence({ room, count, joined = [], left = [], renamed = [], reasons = {} }) {
    const conversation = this.session.rooms.get(room);
    if (!conversation) return;
    const gone = new Set([...left, ...renamed.map(({ from }) => from)]);
    const come = [...joined, ...renamed.map(({ to }) => to)];
    const members = conversation.members.filter((alias) => !gone.has(alias) && !come.includes(alias)).concat(come);
    conversation.members = members.sort((a, b) => a.localeCompare(b));
    conversation.count = count;
    if (joined.length) this.notice(conversation, ...names(joined), " joined the chat!");
    for (const [words, who] of byReason(left, reasons)) {
      this.notice(conversation, ...names(who), " left the chat.", ...(words ? [" (", { words }, ")"] : []));
    }
    for (const { from, to } of renamed) {
      this.notice(conversation, { words: from }, " is now known as ", { words: to });
      this.session.rooms.rename(from, to);
      if (from === this.session.me.alias) this.isNow(to);
    }
  }

  isNow(alias) {
    this.isMe({ alias });
  }

  isAccount(account) {
    this.isMe({ account });
  }

  isMe(news) {
    Object.assign(this.session.me, news);
    if (this.leads) this.session.keepMe();
    this.session.ui.changed();
  }

  topic({ room, text, from }) {
    const conversation = this.session.rooms.get(room);
    if (!conversation) return;
    conversation.topic = text;
    this.notice(conversation, { words: from }, ...(text ? [" set the topic: ", { words: text }] : [" cleared the topic"]));
  }

  /** `parts`: our own words, and those of people as `{words}`, each of which has a direction of its own. */
  notice(conversation, ...parts) {
    conversation.append({ kind: "notice", time: Date.now(), parts });
  }

  gap({ room, from, to, re }) {
    const conversation = this.session.rooms.get(room);
    if (!conversation) return;
    const item = { kind: "gap", seq: from, upto: to, time: null };
    if (re === undefined && to > conversation.cursor) conversation.append(item);
    else conversation.insert(item);
  }

  reset({ room, head }) {
    const conversation = this.session.rooms.get(room);
    if (!conversation) return;
    conversation.clear();
    Object.assign(conversation, { cursor: 0, lastRead: head, unread: 0, mentions: 0 });
  }

  end({ re, more }) {
    this.session.answer(re, (request) => request.resolve({ messages: request.messages, more }));
  }

  answer(message) {
    this.session.answer(message.re, (request) => request.resolve(message));
  }

  error({ id, code, message }) {
    const { session } = this;
    if (id && session.answer(id, (request) => request.reject(new Error(message)))) return;
    if (id) {
      if (this.leads) session.outbox.fail(id, message);
    } else if (session.online || !session.me) {
      session.ui.refused(message);
    } else if (code === "unknown_session") {
      this.beginAnew();
    } else {
      this.notAdmitted(message, NEEDS[code]);
    }
  }

  /** The server has forgotten the session: another is begun under the same name, and that is said. */
  beginAnew() {
    const { session } = this;
    delete session.me.session;
    session.ui.refused("the server doesn't know you from before any more; you have joined anew");
    if (this.leads) session.connection.send(session.hello());
  }

  notAdmitted(words, needs = "") {
    const { session } = this;
    if (this.leads) session.connection.close();
    Object.assign(session, { proof: {}, door: { words, needs } });
    session.becomes("out");
    session.ui.login(session.door, session.me?.alias);
  }

  bye({ code, reason, retry_after_ms: pause }) {
    const { session } = this;
    session.reason = reason;
    if (code === "kicked" || code === "banned") {
      this.notAdmitted(reason);
    } else if (code === "replaced") {
      if (this.leads) session.connection.close();
      session.becomes("replaced");
    } else if (pause && this.leads) {
      session.connection.holdOff(pause);
    }
  }
}

/** What to ask for besides the name, by the code of a refusal. */
const NEEDS = { wrong_password: "password", invite_required: "invite", bad_invite: "invite" };

const HANDLERS = {
  welcome: "welcome",
  joined: "joined",
  message: "message",
  ack: "ack",
  private: "private",
  announcement: "announcement",
  redacted: "redacted",
  presence: "presence",
  left: "left",
  invited: "invited",
  topic: "topic",
  gap: "gap",
  reset: "reset",
  end: "end",
  who: "answer",
  rooms: "answer",
  error: "error",
  bye: "bye",
};

/** A few names, and how many more. */
function names(list) {
  const some = list.slice(0, list.length > 4 ? 3 : 4);
  const rest = list.length - some.length;
  return some.flatMap((words, i) => {
    const last = i === some.length - 1;
    const before = i === 0 ? [] : [last && !rest ? " and " : ", "];
    return [...before, { words }, ...(last && rest ? [` and ${rest} others`] : [])];
  });
}

function byReason(left, reasons) {
  const groups = new Map();
  for (const alias of left) {
    const reason = reasons[alias] ?? "";
    groups.set(reason, [...(groups.get(reason) ?? []), alias]);
  }
  return groups;
}
