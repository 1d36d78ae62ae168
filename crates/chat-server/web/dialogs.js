// The dialogs: rooms, search, settings.

import { showAccount } from "./account.js";
import { element, nameOf, timeOf } from "./render.js";
import { linked } from "./text.js";

const byId = (id) => document.getElementById(id);

/** Has each button open its dialog. */
export function wireDialogs(session, actions) {
  byId("open-rooms").addEventListener("click", () => openRooms(session, actions));
  byId("open-search").addEventListener("click", () => openSearch());
  byId("open-settings").addEventListener("click", () => openSettings(session));
  byId("enter-room").addEventListener("submit", () => actions.enter(byId("room-name").value));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    search(session, actions, byId("query").value);
  });
  byId("rename").addEventListener("submit", (event) => {
    event.preventDefault();
    rename(session);
  });
  byId("leave").addEventListener("click", () => {
    byId("settings-dialog").close();
    actions.leave();
  });
}

export async function openRooms(session, actions) {
  byId("room-name").value = "";
  const list = byId("all-rooms");
  list.replaceChildren();
  byId("rooms-dialog").showModal();
  const { rooms } = await session.request("rooms").catch(() => ({ rooms: [] }));
  list.replaceChildren(...rooms.map((room) => roomEntry(room, actions)));
}

function roomEntry({ room, count, topic }, actions) {
  const people = element("span", "hint", `${count} here${topic ? ` · ${topic}` : ""}`);
  const enter = element("button", "", element("bdi", "", `#${room}`), people);
  enter.type = "button";
  enter.addEventListener("click", () => {
    byId("rooms-dialog").close();
    actions.enter(room);
  });
  return element("li", "", enter);
}

export function openSearch(words = "") {
  byId("query").value = words;
  byId("found").textContent = "";
  byId("results").replaceChildren();
  byId("search-dialog").showModal();
  if (words) byId("search").requestSubmit();
}

async function search(session, actions, query) {
  const room = actions.current();
  if (!room || room.isPrivate) {
    byId("found").textContent = "Only rooms can be searched.";
    return;
  }
  byId("found").textContent = "Searching…";
  try {
    const { messages, more } = await session.request("search", { room: room.key, query, limit: 100 });
    const many = messages.length === 1 ? "1 message" : `${messages.length} messages`;
    byId("found").textContent = messages.length ? `${many}${more ? ", the newest of more" : ""}` : "Nothing found.";
    byId("results").replaceChildren(...messages.map((message) => result(message, actions)));
  } catch (error) {
    byId("found").textContent = error.message;
  }
}

function result({ seq, time, from, text }, actions) {
  const when = Date.parse(time);
  const words = element("div", "text", ...linked(text));
  words.dir = "auto";
  // Links inside a button would be two controls in one.
  words.querySelectorAll("a").forEach((link) => link.replaceWith(link.textContent));
  const day = element("time", "", new Date(when).toLocaleDateString());
  const open = element("button", "", nameOf(from), day, timeOf(when), words);
  open.type = "button";
  open.addEventListener("click", () => {
    byId("search-dialog").close();
    actions.find(seq);
  });
  return element("li", "", open);
}

function openSettings(session) {
  byId("new-alias").value = session.me?.alias ?? "";
  byId("rename-words").textContent = "";
  showAccount(session);
  byId("settings-dialog").showModal();
}

async function rename(session) {
  try {
    await session.rename(byId("new-alias").value.trim());
    byId("settings-dialog").close();
  } catch (error) {
    byId("rename-words").textContent = error.message;
  }
}
