// What stands beside the messages: the conversations, and who is here.

import { element, nameOf } from "./render.js";

// Where the members lie over the messages, as in the style sheet.
const NARROW = window.matchMedia("(max-width: 1000px)");

const byId = (id) => document.getElementById(id);

export class Sidebar {
  /** @param {object} events `open(key)`, `close(conversation)`, `talkTo(alias)` */
  constructor(events) {
    this.events = events;
    this.side = byId("side");
    this.toggle = byId("toggle-side");
    this.members = byId("members");
    this.membersToggle = byId("toggle-members");
    this.toggle.addEventListener("click", () => this.openSide(!this.side.classList.contains("open")));
    this.membersToggle.addEventListener("click", () => this.openMembers(this.members.classList.contains("closed")));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.closeCovering());
    this.openMembers(!NARROW.matches);
    NARROW.addEventListener("change", () => this.openMembers(!NARROW.matches));
  }

  openSide(open) {
    this.side.classList.toggle("open", open);
    this.toggle.setAttribute("aria-expanded", String(open));
    if (open) this.side.querySelector("[aria-current], button")?.focus();
  }

  openMembers(open) {
    this.members.classList.toggle("closed", !open);
    this.membersToggle.setAttribute("aria-expanded", String(open));
  }

  /** Closes what lies over the messages on a narrow screen, and gives the focus back to what opened it. */
  closeCovering() {
    const within = (node) => node.contains(document.activeElement);
    if (this.side.classList.contains("open")) {
      const back = within(this.side);
      this.openSide(false);
      if (back) this.toggle.focus();
    }
    if (NARROW.matches && !this.members.classList.contains("closed")) {
      const back = within(this.members);
      this.openMembers(false);
      if (back) this.membersToggle.focus();
    }
  }

  sync(session, current) {
    byId("me").textContent = session.me?.alias ?? "";
    const list = session.rooms.list;
    const { privates } = session.rooms;
    keep(byId("room-list"), session.rooms.rooms.map((one) => this.entry(one, current)));
    keep(byId("private-list"), privates.map((one) => this.entry(one, current)));
    byId("no-private").hidden = privates.length > 0;
    const elsewhere = list.filter((one) => one !== current).reduce((sum, one) => sum + one.mentions, 0);
    const badge = byId("elsewhere");
    badge.hidden = elsewhere === 0;
    badge.textContent = String(elsewhere);
    this.syncMembers(current, session.me?.alias);
  }

  entry(conversation, current) {
    const { key, name, isPrivate, unread, mentions } = conversation;
    const open = element("button", "", element("bdi", "", isPrivate ? name : `#${name}`));
    open.type = "button";
    open.dataset.open = key;
    if (conversation === current) open.setAttribute("aria-current", "true");
    if (unread) open.append(badge(unread, mentions));
    open.addEventListener("click", () => this.events.open(key));
    const close = element("button", "close", "×");
    close.type = "button";
    close.dataset.close = key;
    close.setAttribute("aria-label", isPrivate ? `Close ${name}` : `Leave #${name}`);
    close.addEventListener("click", () => this.events.close(conversation));
    const item = element("li", `entry${unread ? " unread" : ""}`, open, close);
    item.dataset.signature = JSON.stringify([key, name, unread, mentions, conversation === current]);
    return item;
  }

  syncMembers(current, me) {
    const isRoom = current && !current.isPrivate;
    this.membersToggle.hidden = !isRoom;
    this.members.hidden = !isRoom;
    if (!isRoom) return;
    byId("count").textContent = String(current.count);
    this.membersToggle.setAttribute("aria-label", `Members: ${current.count}`);
    const signature = `${current.key} ${me} ${current.members.join(" ")}`;
    if (this.signature !== signature) {
      this.signature = signature;
      byId("member-list").replaceChildren(...current.members.map((alias) => this.member(alias, me)));
    }
    const others = current.count - current.members.length;
    byId("more-members").textContent = others > 0 ? `and ${others} others` : "";
  }

  member(alias, me) {
    const talk = nameOf(alias, "button");
    talk.type = "button";
    talk.title = alias === me ? "This is you" : `Talk to ${alias} alone`;
    if (alias === me) talk.append(" (you)");
    talk.addEventListener("click", () => alias !== me && this.events.talkTo(alias));
    return element("li", "", talk);
  }
}

function badge(unread, mentions) {
  const node = element("span", `badge${mentions ? " for-me" : ""}`, mentions ? `@${mentions}` : String(Math.min(unread, 999)));
  node.setAttribute("aria-hidden", "true");
  const words = `, ${unread} unread${mentions ? `, ${mentions} for you` : ""}`;
  return element("span", "", node, element("span", "unseen", words));
}

/** Replaces what has changed alone, so that the focus stays where it is. */
function keep(list, items) {
  items.forEach((item, index) => {
    const old = list.children[index];
    if (!old) list.append(item);
    else if (old.dataset.signature !== item.dataset.signature) replace(old, item);
  });
  while (list.childElementCount > items.length) list.lastElementChild.remove();
}

function replace(old, item) {
  const { open, close } = document.activeElement?.dataset ?? {};
  const inside = old.contains(document.activeElement);
  old.replaceWith(item);
  if (!inside) return;
  const same = [...item.querySelectorAll("button")].find((one) => (open ? one.dataset.open === open : one.dataset.close === close));
  same?.focus();
}
