// One WebSocket at a time: opened, watched, and opened again when it breaks.

const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 15_000;
// A server that says nothing for this long is asked whether it is there. (Its own pings are not shown to a page.)
const SILENCE = 40_000;
const ANSWER_WITHIN = 8_000;

export class Connection {
  /**
   * @param {object} events
   *   `hello()`: the first message of a connection;
   *   `lines(messages)`: what one frame brought;
   *   `status("connecting" | "waiting" | "closed", retryAt?)`.
   */
  constructor(events) {
    this.events = events;
    this.socket = null;
    this.wanted = false;
    this.failures = 0;
    this.retryTimer = 0;
    this.silenceTimer = 0;
    this.notBefore = 0;
    window.addEventListener("online", () => this.retryNow());
    window.addEventListener("offline", () => this.doubt(ANSWER_WITHIN / 4));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.retryNow();
    });
  }

  open() {
    this.wanted = true;
    this.failures = 0;
    this.notBefore = 0;
    this.connect();
  }

  /** Closes for good: nothing is tried again until `open`. */
  close() {
    this.wanted = false;
    clearTimeout(this.retryTimer);
    this.drop();
    this.events.status("closed");
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Whether it was handed over; that it arrived is shown by an answer alone. */
  send(message) {
    if (!this.isOpen) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** All is well: the next break is tried again at once. */
  settled() {
    this.failures = 0;
  }

  /** Doesn't try again for a while: the server asked for it. */
  holdOff(milliseconds) {
    this.notBefore = Date.now() + milliseconds;
  }

  connect() {
    this.drop();
    clearTimeout(this.retryTimer);
    const url = new URL("ws", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.events.status("connecting");
    const socket = new WebSocket(url);
    this.socket = socket;
    // Only what concerns the newest socket counts: an older one may still have events on their way.
    const current = (action) => (event) => this.socket === socket && action(event);
    socket.onopen = current(() => {
      this.listen();
      this.send(this.events.hello());
    });
    socket.onmessage = current((event) => {
      this.listen();
      const lines = String(event.data).split("\n").filter(Boolean);
      this.events.lines(lines.map(parse).filter(Boolean));
    });
    socket.onclose = current(() => this.broke());
  }

  drop() {
    clearTimeout(this.silenceTimer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  broke() {
    this.drop();
    if (!this.wanted) return;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 1.8 ** this.failures) * (0.7 + 0.6 * Math.random());
    this.failures += 1;
    const wait = Math.max(pause, this.notBefore - Date.now());
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.connect(), wait);
    this.events.status("waiting", Date.now() + wait);
  }

  /** Something gives hope: no use in waiting on. */
  retryNow() {
    if (!this.wanted) return;
    if (this.socket) {
      this.doubt(ANSWER_WITHIN);
    } else if (Date.now() >= this.notBefore) {
      this.connect();
    }
  }

  listen() {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => this.doubt(ANSWER_WITHIN), SILENCE);
  }

  /** Asks for a sign of life; without one the connection counts as broken. */
  doubt(within) {
    if (!this.isOpen) return;
    clearTimeout(this.silenceTimer);
    this.send({ type: "ping" });
    this.silenceTimer = setTimeout(() => this.broke(), within);
  }
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
