// Where a line is typed. Each conversation keeps its own draft, also over a reload.

import { confidant } from "./commands.js";
import { load, save } from "./store.js";

const byId = (id) => document.getElementById(id);

export class Composer {
  /** @param {(text: string) => boolean | Promise<boolean>} send whether the text was taken */
  constructor(send) {
    this.form = byId("composer");
    this.text = byId("text");
    this.confidence = byId("confidence");
    this.refusal = byId("refusal");
    this.drafts = load("drafts", {});
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit(send);
    });
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("input", () => this.edited());
  }

  key(event) {
    // Enter that ends a composition of an input method (some say so by the code 229 alone) is not Enter.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  submit(send) {
    const text = this.text.value;
    if (!text.trim()) return;
    this.refuse("");
    if (!send(text)) return;
    this.text.value = "";
    this.edited();
    this.text.focus();
  }

  show(conversation) {
    this.conversation = conversation;
    this.text.value = this.drafts[conversation.key] ?? "";
    const where = conversation.isPrivate ? conversation.name : `#${conversation.name}`;
    this.text.placeholder = `Message to ${where}`;
    this.text.setAttribute("aria-label", `Message to ${where}`);
    this.refuse("");
    this.edited();
  }

  forget() {
    this.drafts = {};
    this.text.value = "";
  }

  edited() {
    const { text, conversation } = this;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
    if (!conversation) return;
    const only = conversation.isPrivate ? conversation.name : confidant(text.value);
    const words = only && text.value.trim() ? `only ${only} will see this` : "";
    if (this.confidence.textContent !== words) this.confidence.textContent = words;
    this.form.classList.toggle("secret", Boolean(words));
    clearTimeout(this.draftTimer);
    this.draftTimer = setTimeout(() => this.keepDraft(conversation.key, text.value), 250);
  }

  keepDraft(key, value) {
    if (conversationChanged(this.conversation, key)) return;
    if (value) this.drafts[key] = value;
    else delete this.drafts[key];
    save("drafts", Object.keys(this.drafts).length ? this.drafts : undefined);
  }

  refuse(words) {
    this.refusal.textContent = words;
  }
}

function conversationChanged(conversation, key) {
  return conversation?.key !== key;
}
