// The page: puts the session and what is seen together.

import { openAccount, wireAccount } from "./account.js";
import { Announcer } from "./announce.js";
import { HELP, parse } from "./commands.js";
import { Composer } from "./composer.js";
import { openRooms, openSearch, wireDialogs } from "./dialogs.js";
import { MessageList } from "./messages.js";
import { Notifier } from "./notify.js";
import { Session } from "./session.js";
import { Sidebar } from "./sidebar.js";
import { load, save } from "./store.js";
import { colourOf } from "./text.js";
import { NOT_PRIVATE, isPrivateWay } from "./way.js";

const byId = (id) => document.getElementById(id);

let current = null;
let frame = 0;

const session = new Session({ changed: schedule, login, refused, entered, heard, isReading });
const announcer = new Announcer();
const notifier = new Notifier((conversation) => open(conversation.key));
const composer = new Composer(typed);
const sidebar = new Sidebar({ open, close, talkTo });
const messages = new MessageList({
  older: (conversation) => session.older(conversation, 500),
  readEnd: () => isReading(current) && session.markRead(current),
  again: (id) => session.sayAgain(id),
  dismiss: (id) => session.dismiss(id),
  end: showToEnd,
});

// What is shown follows the model, once a frame; while the page is hidden its title alone.

function schedule() {
  if (document.hidden) showTitle();
  frame ||= requestAnimationFrame(show);
}

function show() {
  frame = 0;
  const inside = session.me !== null && session.status !== "out" && session.status !== "starting";
  byId("welcome").hidden = inside || session.status === "starting";
  byId("chat").hidden = !inside;
  if (!inside) return;
  document.body.dataset.status = session.status;
  if (!current || session.rooms.get(current.key) !== current) choose(fallback());
  showStatus();
  sidebar.sync(session, current);
  if (!current) return;
  byId("title").textContent = current.isPrivate ? current.name : `#${current.name}`;
  byId("title").className = current.isPrivate ? `name-${colourOf(current.name)}` : "";
  byId("topic").textContent = current.topic;
  byId("topic").title = current.topic;
  byId("open-search").hidden = current.isPrivate;
  const from = session.me.alias;
  messages.sync(session.outbox.of(current).map((entry) => ({ ...entry, from })));
  if (isReading(current)) session.markRead(current);
  showTitle();
}

function fallback() {
  // What was looked at may be the same conversation, made anew or under another name.
  const same = current && session.rooms.get(current.key);
  return same ?? session.rooms.get(load("current")) ?? session.rooms.list[0] ?? null;
}

function showTitle() {
  const list = session.rooms.list;
  const unread = list.reduce((sum, one) => sum + one.unread, 0);
  const forMe = list.reduce((sum, one) => sum + one.mentions, 0);
  const counts = unread ? `(${unread}${forMe ? ` · @${forMe}` : ""}) ` : "";
  const name = current ? (current.isPrivate ? current.name : `#${current.name}`) : "";
  const title = `${counts}${name ? `${name} · ` : ""}chat`;
  if (document.title !== title) document.title = title;
}

function showStatus() {
  const status = byId("status");
  const words = {
    online: "",
    connecting: session.rooms.list.length ? "Connecting…" : "",
    waiting: `${session.reason ? `${session.reason}. ` : ""}You are offline. What you write is sent when the connection is back.`,
    replaced: "This chat goes on in another window.",
  }[session.status];
  if (status.dataset.words === words) return;
  status.dataset.words = words;
  status.replaceChildren(words ?? "");
  if (session.status === "waiting") status.append(retryButton("Try now"));
  if (session.status === "replaced") status.append(retryButton("Go on here"));
}

function retryButton(words) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words;
  button.addEventListener("click", () => {
    if (session.status === "replaced") session.connection.open();
    else if (session.tabs.leads) session.connection.retryNow();
    else session.tabs.post("retry");
  });
  return button;
}

function showToEnd(below) {
  const button = byId("to-end");
  const hidden = messages.atEnd || !current;
  if (button.hidden !== hidden) button.hidden = hidden;
  if (!hidden) button.textContent = below > 0 ? `↓ ${below} new` : "↓ To the newest";
}

/** `needs`: what the server asks of whoever wants this name, besides the name: "password", "invite" (and a password to be), or nothing. */
function login({ words = "", needs = "" } = {}, alias = "") {
  current = null;
  composer.forget();
  byId("join").querySelector("button").disabled = false;
  // What was typed while the answer was on its way stays.
  if (alias && !byId("alias").value) byId("alias").value = alias;
  ask(needs, words);
  show();
  byId(needs && isPrivateWay ? needs : "alias").focus();
}

function ask(needs, words) {
  const both = needs === "invite";
  const asked = { invite: both, password: both || needs === "password" };
  for (const [name, wanted] of Object.entries(asked)) {
    byId(`ask-${name}`).hidden = !wanted || !isPrivateWay;
    byId(name).value = "";
    byId(name).required = wanted && isPrivateWay;
  }
  byId("password").autocomplete = both ? "new-password" : "current-password";
  const unsafe = needs && !isPrivateWay ? `${words}. ${NOT_PRIVATE}` : words;
  byId("join-words").textContent = unsafe;
}

function refused(words) {
  composer.refuse(words);
}

function entered(conversation) {
  const wanted = load("current");
  if (!current || conversation.key === expected || conversation.key === wanted) open(conversation.key);
}

function heard(item, conversation) {
  announcer.heard(item, conversation, conversation === current);
  if (session.tabs.leads) notifier.heard(item, conversation);
}

function isReading(conversation) {
  return conversation !== null && conversation === current && !document.hidden && document.hasFocus() && messages.atEnd;
}

// Where one is.

let expected = null;

function choose(conversation) {
  current = conversation;
  if (!conversation) return;
  conversation.newAfter = conversation.unread && !conversation.isPrivate ? conversation.lastRead : null;
  messages.show(conversation);
  composer.show(conversation);
}

function open(key) {
  const conversation = session.rooms.get(key);
  if (!conversation) return;
  if (conversation !== current) choose(conversation);
  expected = null;
  save("current", key);
  sidebar.closeCovering();
  show();
  byId("text").focus();
}

function talkTo(alias) {
  open(session.rooms.private(alias).key);
}

async function enter(name) {
  const room = name.trim().replace(/^#/u, "");
  if (!room) return;
  const known = session.rooms.rooms.find((one) => one.key.toLowerCase() === room.toLowerCase());
  if (known) return open(known.key);
  await attempt(async () => {
    expected = room;
    await session.request("join", { room });
    open(session.rooms.rooms.at(-1).key);
  });
}

async function close(conversation) {
  await attempt(() => session.leaveRoom(conversation));
}

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    refused(error.message);
  }
}

async function find(seq) {
  const room = current;
  await attempt(async () => {
    while (room.placeOf(seq) === null && room.more && (await session.older(room, 500)));
    if (room === current) messages.find(seq);
  });
}

// What is typed. Whether it was taken, so that the line may be cleared.

function typed(text) {
  const line = parse(text);
  switch (line.type) {
    case "say":
      return say(current, line.text, "say");
    case "me":
      return say(current, line.text, "action");
    case "msg":
      return whisper(line.to, line.text);
    case "error":
      refused(line.words);
      return false;
    case "empty":
      return true;
    default:
      COMMANDS[line.type](line.rest.trim());
      return true;
  }
}

function say(conversation, text, kind) {
  const objection = session.say(conversation, text, kind);
  if (objection) refused(objection);
  messages.toEnd();
  return !objection;
}

function whisper(to, text) {
  const conversation = session.rooms.private(to);
  const taken = say(conversation, text, "say");
  if (taken && conversation !== current) setTimeout(() => open(conversation.key));
  return taken;
}

const COMMANDS = {
  nick: (name) => attempt(() => session.rename(name)),
  who: () => sidebar.openMembers(true),
  rooms: () => openRooms(session, { enter }),
  join: (room) => (room ? enter(room) : openRooms(session, { enter })),
  leave: () => close(current),
  history: () => byId("scroller").scrollTo({ top: 0 }),
  search: (words) => openSearch(words),
  topic: (text) => attempt(() => topic(text)),
  ignore: (name) => ignore(name, true),
  unignore: (name) => ignore(name, false),
  help: () => help(),
  private: () => inRoom("make_private", {}, "this room is its members' now; /invite NAME makes more of them"),
  invite: (name) => inRoom("invite", { name }, `${name} is a member of this room now`),
  uninvite: (name) => inRoom("uninvite", { name }, `${name} is no member of this room any more`),
  register: () => openAccount(session),
  password: () => openAccount(session),
  unregister: () => openAccount(session),
  quit: (reason) => session.leave(reason || undefined),
};

/** Does something to the room that is shown, and says that it is done. */
async function inRoom(type, fields, done) {
  if (current.isPrivate) return refused("this is a conversation of two, not a room");
  await attempt(async () => {
    await session.request(type, { room: current.key, ...fields });
    tell(done);
  });
}

async function topic(text) {
  if (!text) return tell(current.topic ? `the topic is: ${current.topic}` : "there is no topic");
  await session.request("topic", { room: current.key, text });
}

function ignore(name, on) {
  if (!name) return refused("whom?");
  session.ignore(name, on);
  tell(on ? `you don't see any more what ${name} says; /unignore ${name} ends this` : `you see again what ${name} says`);
}

/** A line of the page itself, to this person alone. */
function tell(words) {
  current.append({ kind: "notice", parts: [words] });
  schedule();
}

function help() {
  HELP.forEach(([what, does]) => tell(`${what}: ${does}`));
}

// Wiring.

byId("join").addEventListener("submit", (event) => {
  event.preventDefault();
  const alias = byId("alias").value.trim();
  if (!alias) return;
  byId("join-words").textContent = "";
  event.target.querySelector("button").disabled = true;
  const { value: password } = byId("password");
  const { value: invite } = byId("invite");
  // Gone from the page as soon as it is under way, whatever comes of it.
  byId("password").value = "";
  session.join({ alias, password: password || undefined, invite: invite.trim() || undefined });
});
byId("alias").addEventListener("input", () => ask("", ""));
byId("to-end").addEventListener("click", () => {
  messages.toEnd();
  session.markRead(current);
  schedule();
});
document.addEventListener("visibilitychange", schedule);
window.addEventListener("focus", schedule);
document.addEventListener("keydown", (event) => {
  if (event.altKey && !event.ctrlKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    step(event.key === "ArrowDown" ? 1 : -1);
  }
});

function step(by) {
  const ordered = [...session.rooms.rooms, ...session.rooms.privates];
  const next = ordered[(ordered.indexOf(current) + by + ordered.length) % ordered.length];
  if (next) open(next.key);
}

wireAccount(session);
wireDialogs(session, { enter, find, leave: () => session.leave(), current: () => current });
session.start();
