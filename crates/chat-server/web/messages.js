// The list of messages. It holds pages of nodes, of which the browser lays out only those in view (content-visibility), shows the
// newest first, and goes back on demand: through what the model has, then through what the server has.

import { element, message, nameOf, renderItem } from "./render.js";

const PAGE = 100;
const SHOWN_AT_FIRST = 200;
// At a time, as much as fits into a frame.
const REVEALED = 100;
// Beyond this many, what is far above is taken out while the newest is in view.
const MOST_SHOWN = 2_000;
const NEAR_TOP = 800;
const NEAR_END = 48;

export class MessageList {
  /** @param {object} events `older(conversation)`: a promise of more; `readEnd()`; `again(id)`, `dismiss(id)`; `end(hidden)` */
  constructor(events) {
    this.events = events;
    this.scroller = document.getElementById("scroller");
    this.pages = document.getElementById("pages");
    this.pending = document.getElementById("pending");
    this.beginning = document.getElementById("beginning");
    this.conversation = null;
    this.atEnd = true;
    this.busy = false;
    this.scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.atEnd && this.toEnd()).observe(this.scroller);
  }

  show(conversation) {
    if (this.conversation) this.conversation.browsing = false;
    this.conversation = conversation;
    this.epoch = null;
    this.atEnd = true;
  }

  /** Brings the nodes up to what the model has; called once a frame. */
  sync(waiting) {
    const { conversation } = this;
    if (!conversation) return;
    const grown = conversation.end - this.last;
    if (this.epoch !== conversation.epoch || this.last === undefined) this.rebuild();
    else if (grown > 2 * SHOWN_AT_FIRST && this.atEnd) this.rebuild();
    else if (grown > 0) this.appendNew();
    if (this.first < conversation.base) this.rebuild();
    conversation.changed.splice(0).forEach((seq) => this.redraw(seq));
    this.syncPending(waiting);
    this.tellBeginning();
    if (this.atEnd) {
      this.forgetFarAbove();
      this.toEnd();
    } else {
      this.newBelow += Math.max(0, grown);
    }
    this.events.end(this.atEnd ? 0 : this.newBelow);
    this.fill();
  }

  rebuild() {
    const { conversation } = this;
    this.epoch = conversation.epoch;
    this.pages.replaceChildren();
    this.last = conversation.end;
    this.first = Math.max(conversation.base, this.last - SHOWN_AT_FIRST);
    this.pages.append(...this.render(this.first, this.last));
    this.newBelow = 0;
  }

  appendNew() {
    const { conversation } = this;
    let page = this.pages.lastElementChild;
    for (; this.last < conversation.end; this.last += 1) {
      if (!page || page.childElementCount >= PAGE) {
        page = this.newPage(this.last);
        this.pages.append(page);
      } else {
        page.append(this.node(this.last));
      }
    }
  }

  node(place) {
    const { conversation } = this;
    return renderItem(conversation.at(place), conversation.at(place - 1), conversation.newAfter);
  }

  /** Shows an item as it is now, in its place. */
  redraw(seq) {
    const place = this.conversation.placeOf(seq);
    const old = this.pages.querySelector(`[data-seq="${Number(seq)}"]`);
    // What parts it from the one before stays as it is.
    if (old && place !== null) old.replaceWith(this.node(place).lastElementChild);
  }

  /** A page that begins with this item. */
  newPage(first) {
    const node = this.node(first);
    const page = element("div", "page");
    page.first = first;
    // An item is its own node and those that part it from the one before.
    page.lead = node.childElementCount;
    page.append(node);
    return page;
  }

  /** Pages for the items from one place up to another. */
  render(from, to) {
    const pages = [];
    for (let start = from; start < to; start += PAGE) {
      const page = this.newPage(start);
      for (let place = start + 1; place < Math.min(to, start + PAGE); place += 1) page.append(this.node(place));
      pages.push(page);
    }
    return pages;
  }

  syncPending(waiting) {
    const signature = JSON.stringify(waiting.map(({ id, failed }) => [id, failed]));
    if (signature === this.signature && this.pending.dataset.key === this.conversation.key) return;
    this.signature = signature;
    this.pending.dataset.key = this.conversation.key;
    this.pending.replaceChildren(...waiting.map((entry) => this.waiting(entry)));
  }

  waiting({ id, text, kind, time, failed, from }) {
    const node = message({ kind, text, time, from, own: true }, null);
    const mark = element("span", "mark", failed ? `not sent: ${failed}` : "sending…");
    if (failed) {
      node.classList.add("failed");
      mark.append(button("Send again", () => this.events.again(id)), button("Remove", () => this.events.dismiss(id)));
    }
    node.querySelector(".text").append(mark);
    return node;
  }

  scrolled() {
    const { scroller } = this;
    const distance = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    this.atEnd = distance < NEAR_END;
    this.conversation.browsing = !this.atEnd;
    if (this.atEnd) {
      this.newBelow = 0;
      this.events.readEnd();
    }
    this.events.end(this.atEnd ? 0 : this.newBelow);
    this.fill();
  }

  /** Fetches more while the top is near. */
  async fill() {
    const { conversation, scroller } = this;
    if (this.busy || !conversation || scroller.scrollTop > NEAR_TOP) return;
    if (this.first > conversation.base) {
      this.reveal(REVEALED);
    } else if (conversation.more) {
      this.busy = true;
      const found = await this.events.older(conversation).catch(() => false);
      this.busy = false;
      if (found && conversation === this.conversation) this.reveal(REVEALED);
    }
  }

  /** Shows that many more of the model, above, without moving what is in view. */
  reveal(count) {
    const { conversation, scroller } = this;
    const from = Math.max(conversation.base, this.first - count);
    if (from >= this.first) return this.tellBeginning();
    scroller.classList.add("steady");
    const before = scroller.scrollHeight - scroller.scrollTop;
    const top = this.pages.firstElementChild;
    this.pages.prepend(...this.render(from, this.first));
    // The first one had nothing before it; now its day and its name may stand above already.
    if (top) this.joinUp(top);
    this.first = from;
    this.tellBeginning();
    scroller.scrollTop = this.atEnd ? scroller.scrollHeight : scroller.scrollHeight - before;
    requestAnimationFrame(() => {
      scroller.classList.remove("steady");
      this.fill();
    });
  }

  joinUp(page) {
    const node = this.node(page.first);
    const { childElementCount } = node;
    [...page.children].slice(0, page.lead).forEach((old) => old.remove());
    page.prepend(node);
    page.lead = childElementCount;
  }

  forgetFarAbove() {
    if (this.last - this.first <= MOST_SHOWN) return;
    while (this.last - this.first > MOST_SHOWN / 2 && this.pages.childElementCount > 1) {
      this.pages.firstElementChild.remove();
      this.first = this.pages.firstElementChild.first;
    }
  }

  tellBeginning() {
    const { conversation } = this;
    const all = this.first === conversation.base && !conversation.more;
    this.beginning.hidden = !all;
    if (!all) return;
    if (conversation.isPrivate) {
      const words = ["Only you and ", nameOf(conversation.name), " see this. It is not kept: it is gone when you close the page."];
      this.beginning.replaceChildren(...words);
    } else {
      this.beginning.textContent = `This is the beginning of #${conversation.name}.`;
    }
  }

  toEnd() {
    this.atEnd = true;
    this.newBelow = 0;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** Brings a message into view that the model has. */
  find(seq) {
    const place = this.conversation.placeOf(seq);
    if (place === null) return;
    this.atEnd = false;
    this.conversation.browsing = true;
    if (place < this.first) this.reveal(this.first - place + 20);
    const node = this.pages.querySelector(`[data-seq="${Number(seq)}"]`);
    node?.scrollIntoView({ block: "center" });
    node?.classList.add("found-here");
    node?.setAttribute("tabindex", "-1");
    node?.focus({ preventScroll: true });
  }
}

function button(words, action) {
  const node = element("button", "", words);
  node.type = "button";
  node.addEventListener("click", action);
  return node;
}
