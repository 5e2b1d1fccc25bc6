// A clock that moves when a test says so, and sockets whose other end is the test.

export class Clock {
  ms = 0;
  #timers = new Map();
  #last = 0;

  setTimeout = (work, ms) => {
    this.#timers.set(++this.#last, { at: this.ms + ms, work });
    return this.#last;
  };

  clearTimeout = (timer) => this.#timers.delete(timer);

  /** Let so much time pass; timers run in order, and what they start as well. */
  async pass(ms) {
    const until = this.ms + ms;
    for (;;) {
      await settle();
      const due = [...this.#timers].filter(([, each]) => each.at <= until);
      if (due.length === 0) break;
      const [id, next] = due.reduce((a, b) => (b[1].at < a[1].at ? b : a));
      this.#timers.delete(id);
      this.ms = next.at;
      next.work();
    }
    this.ms = until;
    await settle();
  }

  get waits() {
    return [...this.#timers.values()].map((each) => each.at - this.ms);
  }
}

/** Until all promises under way have settled. */
export async function settle() {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A network: `sockets` are all that were opened, in order. */
export class Network {
  sockets = [];
  events = new EventTarget();
  offline = false;
  /** The share of the backoff that the dice give. */
  random = 0.5;

  constructor(clock) {
    const network = this;
    this.system = {
      now: () => clock.ms,
      setTimeout: clock.setTimeout,
      clearTimeout: clock.clearTimeout,
      random: () => network.random,
      events: this.events,
      isOffline: () => network.offline,
      fetch: async () => {
        throw new TypeError("nobody is there");
      },
      WebSocket: class extends FakeSocket {
        constructor(url, protocols) {
          super(url, protocols);
          network.sockets.push(this);
        }
      },
    };
  }

  get last() {
    return this.sockets.at(-1);
  }

  goOffline() {
    this.offline = true;
    this.events.dispatchEvent(new Event("offline"));
  }

  goOnline() {
    this.offline = false;
    this.events.dispatchEvent(new Event("online"));
  }
}

class FakeSocket {
  sent = [];
  closed = false;

  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  // What the test, as the server, does with it.

  async accept() {
    this.onopen?.({});
    await settle();
  }

  async end(code = 1006) {
    this.onclose?.({ code, reason: "" });
    await settle();
  }

  async say(event, data = {}, id = undefined) {
    this.onmessage?.({ data: JSON.stringify({ event, data, id }) });
    await settle();
  }

  /** Several events in one message. */
  async sayArray(...frames) {
    this.onmessage?.({ data: JSON.stringify(frames) });
    await settle();
  }

  asked(action) {
    return this.sent.filter((frame) => frame.action === action);
  }

  /** Ack the newest frame of an action. */
  async ack(action, data = {}) {
    await this.say("ack", data, this.asked(action).at(-1).id);
  }

  async error(action, code, retryable, more = {}) {
    const data = { code, message: code, retryable, ...more };
    await this.say("error", data, this.asked(action).at(-1).id);
  }
}
