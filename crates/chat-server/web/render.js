// From items of the model to nodes of the page. All that people wrote goes in as text.

import { colourOf, dayName, fullTime, linked, sameDay, shortTime } from "./text.js";

// What the same person says within this time stands under one name.
const TOGETHER = 5 * 60_000;

export function element(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** A name in its own colour and direction. */
export function nameOf(alias, tag = "bdi") {
  const node = element(tag, `who name-${colourOf(alias)}`);
  if (tag === "bdi") node.textContent = alias;
  else node.append(element("bdi", "", alias));
  return node;
}

export function timeOf(time) {
  const node = element("time", "", shortTime(time));
  node.dateTime = new Date(time).toISOString();
  node.title = fullTime(time);
  return node;
}

/** The node of an item; `previous` is the item before it, `newAfter` the seq of the last one read. */
export function renderItem(item, previous, newAfter) {
  const nodes = document.createDocumentFragment();
  if (item.time && (!previous || !sameDay(lastTime(previous, item), item.time))) {
    nodes.append(element("div", "day", dayName(item.time)));
  }
  if (newAfter !== null && item.seq > newAfter && !(previous?.seq > newAfter) && !item.own) {
    nodes.append(element("div", "new", "new"));
  }
  nodes.append(body(item, previous));
  return nodes;
}

function lastTime(previous, item) {
  return previous.time ?? item.time;
}

function body(item, previous) {
  if (item.kind === "notice") return notice(item);
  if (item.kind === "gap") return gap(item);
  if (item.kind === "announcement") return announcement(item);
  return message(item, previous);
}

function notice(item) {
  const parts = item.parts.map((part) => (part.words === undefined ? part : element("bdi", "", part.words)));
  // What the page itself says has no time.
  return element("div", "notice", ...parts, ...(item.time ? [timeOf(item.time)] : []));
}

function announcement({ from, text, time }) {
  const words = element("span", "text", ...linked(text));
  words.dir = "auto";
  return element("div", "announcement", nameOf(from), " announces: ", words, timeOf(time));
}

function gap({ seq, upto }) {
  const count = upto - seq + 1;
  const words = count === 1 ? "1 message is not kept any more" : `${count} messages are not kept any more`;
  return element("div", "notice gap", words);
}

export function message(item, previous) {
  const action = item.kind === "action";
  const first = action || !belongsTo(previous, item);
  const node = element("div", `message${first ? " first" : ""}${action ? " action" : ""}${item.forMe ? " for-me" : ""}`);
  if (item.seq) node.dataset.seq = item.seq;
  const text = element("div", "text", ...(item.text ? linked(item.text) : removed(item)));
  text.dir = "auto";
  if (action) {
    text.prepend("* ", nameOf(item.from), " ");
    node.append(text, timeOf(item.time));
  } else if (first) {
    node.append(element("div", "head", nameOf(item.from), timeOf(item.time)), text);
  } else {
    // A screen reader that comes here alone needs the name as well.
    node.append(element("span", "unseen", `${item.from}: `), text, timeOf(item.time));
  }
  return node;
}

/** Instead of the text of a message that was taken away; who did it isn't known of those that were read later. */
function removed({ by }) {
  const words = by ? ["removed by ", element("bdi", "", by)] : ["removed"];
  return [element("em", "removed", ...words)];
}

function belongsTo(previous, item) {
  return (
    previous?.kind === "say" &&
    previous.from === item.from &&
    item.time - previous.time < TOGETHER &&
    sameDay(previous.time, item.time)
  );
}
