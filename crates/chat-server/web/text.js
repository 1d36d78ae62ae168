// Words, names and times. Nothing here makes HTML: what a person wrote goes into text nodes alone.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });

export const shortTime = (time) => clock.format(time);
export const fullTime = (time) => full.format(time);
export const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

export function dayName(time, now = Date.now()) {
  if (sameDay(time, now)) return "Today";
  if (sameDay(time, now - 24 * 3600 * 1000)) return "Yesterday";
  const thisYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (thisYear ? day : dayOfYear).format(time);
}

/** Which of the twelve colours of the style sheet a name has: the same for everybody, always. */
export function colourOf(alias) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(alias.normalize().toLowerCase())) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash % 12;
}

/** Whether a text calls this name, as a word of its own. */
export function mentions(text, alias) {
  const where = text.toLowerCase();
  const name = alias.toLowerCase();
  for (let at = where.indexOf(name); at >= 0; at = where.indexOf(name, at + 1)) {
    const before = where.slice(0, at);
    const after = where.slice(at + name.length);
    if (!/[\p{L}\p{M}\p{N}_]$/u.test(before) && !/^[\p{L}\p{M}\p{N}_]/u.test(after)) return true;
  }
  return false;
}

const LINK = /\bhttps?:\/\/[^\s<>"'\x60]+/giu;

/** The text as nodes: links among text. */
export function linked(text) {
  const nodes = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(LINK)) {
    const address = withoutTail(match);
    if (!isAddress(address)) continue;
    if (index > end) nodes.push(document.createTextNode(text.slice(end, index)));
    const link = document.createElement("a");
    link.href = address;
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
    link.textContent = address;
    nodes.push(link);
    end = index + address.length;
  }
  if (end < text.length) nodes.push(document.createTextNode(text.slice(end)));
  return nodes;
}

/** Without what ends a sentence, and without a bracket that was opened before the link. */
function withoutTail(address) {
  let tail = address.replace(/[.,:;!?…*_~]+$/u, "");
  while (tail.endsWith(")") && tail.split(")").length > tail.split("(").length) tail = tail.slice(0, -1);
  return tail;
}

function isAddress(text) {
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}
