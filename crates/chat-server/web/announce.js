// What a screen reader reads aloud: what is said now, never history; a burst as one sentence.

import { load, save } from "./store.js";

const COLLECT = 900;
const READ_WHOLE = 3;

export class Announcer {
  constructor() {
    this.region = document.getElementById("announcer");
    this.choice = document.getElementById("announce");
    this.choice.value = load("announce", "all");
    this.choice.addEventListener("change", () => save("announce", this.choice.value));
    this.collected = [];
    this.timer = 0;
  }

  heard(item, conversation, isCurrent) {
    const wanted = { all: isCurrent || item.forMe || conversation.isPrivate, mentions: item.forMe || conversation.isPrivate, none: false };
    if (!wanted[this.choice.value]) return;
    this.collected.push({ item, conversation, isCurrent });
    this.timer ||= setTimeout(() => this.speak(), COLLECT);
  }

  speak() {
    const collected = this.collected.splice(0);
    this.timer = 0;
    const words = collected.length <= READ_WHOLE ? collected.map(sentence) : [summary(collected)];
    // New nodes are what is read; a text that is the same as before would not be.
    this.region.replaceChildren(
      ...words.map((text) => {
        const line = document.createElement("p");
        line.textContent = text;
        return line;
      }),
    );
  }
}

function sentence({ item, conversation, isCurrent }) {
  if (item.kind === "announcement") return `${item.from} announces: ${item.text}`;
  const where = conversation.isPrivate ? " to you alone" : isCurrent ? "" : ` in ${conversation.name}`;
  return item.kind === "action" ? `${item.from} ${item.text}${where}` : `${item.from}${where}: ${item.text}`;
}

function summary(collected) {
  const authors = [...new Set(collected.map(({ item }) => item.from))];
  const some = authors.slice(0, 2).join(", ");
  const others = authors.length > 2 ? ` and ${authors.length - 2} others` : "";
  return `${collected.length} messages from ${some}${others}`;
}
