// Desktop notifications, when asked for, of what is meant for the person, while the page isn't looked at.

import { load, save } from "./store.js";

export class Notifier {
  /** @param {(conversation) => void} open called when a notification is clicked */
  constructor(open) {
    this.open = open;
    this.box = document.getElementById("notify");
    this.words = document.getElementById("notify-words");
    // Browsers have them on https and on this machine alone.
    this.possible = window.isSecureContext && "Notification" in window;
    this.box.disabled = !this.possible;
    this.box.checked = this.possible && load("notify", false) && Notification.permission === "granted";
    if (!this.possible) this.words.textContent = "Your browser offers them on https only.";
    this.box.addEventListener("change", () => this.changed());
  }

  async changed() {
    this.words.textContent = "";
    if (this.box.checked && (await Notification.requestPermission()) !== "granted") {
      this.box.checked = false;
      this.words.textContent = "Your browser doesn't allow them for this page.";
    }
    save("notify", this.box.checked || undefined);
  }

  heard(item, conversation) {
    const looked = !document.hidden && document.hasFocus();
    if (!this.box.checked || looked || !(item.forMe || conversation.isPrivate)) return;
    const title = conversation.isPrivate ? item.from : `${item.from} in #${conversation.name}`;
    // One for each conversation: the newest takes the place of the older.
    const shown = new Notification(title, { body: item.text.slice(0, 300), tag: conversation.key });
    shown.onclick = () => {
      window.focus();
      this.open(conversation);
      shown.close();
    };
  }
}
