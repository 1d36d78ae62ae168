// What was said where: the model of the page. It knows nothing of how it is shown.

// Items that a conversation keeps in memory while nobody looks further back; the server has the rest.
const KEEP = 12_000;

/** How a private conversation is named among the rooms; no room's name begins so. */
export const privateKey = (alias) => `@${alias.toLowerCase()}`;

export class Conversation {
  constructor(key, name, isPrivate) {
    this.key = key;
    this.name = name;
    this.isPrivate = isPrivate;
    this.topic = "";
    this.count = 0;
    this.members = [];
    this.head = 0;
    /** Whether the server has this room for us at the moment. */
    this.joined = false;
    /** The last seq that was received; 0 before anything was. */
    this.cursor = 0;
    this.lastRead = 0;
    this.unread = 0;
    this.mentions = 0;
    this.newAfter = null;
    this.clear();
  }

  clear() {
    /** `{kind, seq?, time, from?, text, by?, own?}`, oldest first. `kind`: say, action, announcement, notice, gap; without a text: removed `by`. */
    this.items = [];
    /** The seqs of items that have to be shown anew. */
    this.changed = [];
    /** The place of `items[0]` in a row that grows at both ends. */
    this.base = 0;
    /** Another number: what was shown of `items` is no good any more. */
    this.epoch = (this.epoch ?? 0) + 1;
    this.more = !this.isPrivate;
    this.loading = null;
  }

  get end() {
    return this.base + this.items.length;
  }

  at(place) {
    return this.items[place - this.base];
  }

  /** The oldest message that is here; null where none is. */
  get firstSeq() {
    return this.items.find((item) => item.seq)?.seq ?? null;
  }

  /** What the server calls it. */
  get address() {
    return this.isPrivate ? `@${this.name}` : this.key;
  }

  matches(entry) {
    return this.isPrivate ? Boolean(entry.to) && privateKey(entry.to) === this.key : entry.room === this.key;
  }

  append(item) {
    this.items.push(item);
    if (item.seq) this.cursor = Math.max(this.cursor, item.upto ?? item.seq);
    if (item.seq === 1) this.more = false;
    if (this.items.length > KEEP * 1.25 && !this.browsing) this.trim(this.items.length - KEEP);
  }

  /** The first message of a kept private conversation that we have: before it there are others. */
  begin(seq) {
    if (this.isPrivate && seq && !this.firstSeq) this.more = seq > 1;
  }

  /** Another log: what is here has no place in it. */
  loseSeqs() {
    this.items.forEach((item) => {
      item.seq = undefined;
    });
    this.cursor = 0;
    this.more = false;
  }

  prepend(items) {
    this.items = items.concat(this.items);
    this.base -= items.length;
  }

  /** Puts an item where its seq says. */
  insert(item) {
    let index = this.items.length;
    while (index > 0 && !(this.items[index - 1].seq < item.seq)) index -= 1;
    if (this.items[index]?.seq === item.seq) return;
    this.items.splice(index, 0, item);
    this.epoch += 1;
  }

  /** The text of a message was taken away; its place stays. */
  remove(seq, by) {
    const item = this.items.find((one) => one.seq === seq && one.text !== undefined);
    if (!item) return;
    Object.assign(item, { text: "", by, forMe: false });
    this.changed.push(seq);
  }

  trim(count) {
    this.items.splice(0, count);
    this.base += count;
    this.more = true;
  }

  placeOf(seq) {
    const index = this.items.findIndex((item) => item.seq === seq);
    return index < 0 ? null : this.base + index;
  }

  /** For another tab: enough to show it. */
  snapshot() {
    const { key, name, isPrivate, topic, count, members, head, joined, cursor, unread, mentions, lastRead } = this;
    const items = this.items.slice(isPrivate ? 0 : -300);
    return { key, name, isPrivate, topic, count, members, head, joined, cursor, unread, mentions, lastRead, items };
  }

  static restore(snapshot) {
    const conversation = new Conversation(snapshot.key, snapshot.name, snapshot.isPrivate);
    return Object.assign(conversation, snapshot);
  }
}

export class Rooms {
  constructor() {
    this.all = new Map();
  }

  get(key) {
    return this.all.get(key);
  }

  room(name) {
    if (!this.all.has(name)) this.all.set(name, new Conversation(name, name, false));
    return this.all.get(name);
  }

  private(alias) {
    const key = privateKey(alias);
    if (!this.all.has(key)) this.all.set(key, new Conversation(key, alias, true));
    return this.all.get(key);
  }

  remove(key) {
    this.all.delete(key);
  }

  get list() {
    return [...this.all.values()];
  }

  get rooms() {
    return this.list.filter((conversation) => !conversation.isPrivate);
  }

  get privates() {
    return this.list.filter((conversation) => conversation.isPrivate);
  }

  /** Somebody is called otherwise now: the conversation with him goes on. */
  rename(from, to) {
    const old = this.all.get(privateKey(from));
    if (!old) return;
    this.all.delete(old.key);
    old.key = privateKey(to);
    old.name = to;
    this.all.set(old.key, old);
  }
}
