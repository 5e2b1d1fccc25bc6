/**
 * Keeps a connection open: connects, authenticates, sends heartbeats, matches answers, reconnects.
 *
 * It knows frames, but not conversations: `user` recovers them on each new connection.
 */

import { address, endpoint, unopened } from "./address.js";
import { backoff } from "./backoff.js";
import { ActionError, NoAnswer } from "./errors.js";
import { decode } from "./frames.js";
import { Pending } from "./pending.js";
import { Regions } from "./regions.js";
import { encode } from "./sizes.js";
import { leave, open, TOKEN } from "./socket.js";
import { latch, quiet, within } from "./system.js";

/** A connection is closed after this many refused heartbeats in a row. */
const MOST_REFUSED_HEARTBEATS = 2;

export class Connection {
  #url;
  #getToken;
  #times;
  #system;
  #user;
  #state = "idle";
  #reason = null;
  #socket = null; // the open one
  #candidate = null; // the one that is being opened
  #ready = latch();
  #lastId = 0;
  #pending;
  #attempt = 0;
  #failures = 0;
  #wasUseful = false;
  #api;
  #regions = null;
  #isRestored = false;
  #looks = false; // look for another region before the next attempt
  #afterMs = null; // the wait that the server has named
  #timers = { open: null, retry: null, ping: null };
  #waits = new Set(); // functions that end a wait
  #onOnline = () => this.#wake();
  #onOffline = () => this.#drop(offline());

  /**
   * @param {object} options
   * @param {{emit: (name: string, data: object) => void, opened: () => void,
   *   restore: () => Promise<void>, event: (name: string, data: object) => void,
   *   ended: () => void}} options.user `opened` is called before anything is read, then `restore`
   *   recovers; if it rejects, the client reconnects.
   */
  constructor({ url, api, getToken, times, system, user }) {
    this.#url = url;
    this.#api = api;
    this.#getToken = getToken;
    this.#times = times;
    this.#system = system;
    this.#user = user;
    this.#pending = new Pending(system, (answered) => user.emit("answered", answered));
  }

  get state() {
    return this.#state;
  }

  get url() {
    return this.#url;
  }

  /** Why there is no connection: {code, message}; null while there is one. */
  get reason() {
    return this.#reason;
  }

  /** The open socket, which identifies this connection; null while there is none. */
  get current() {
    return this.#socket;
  }

  /** Resolves while a connection is open; rejects after `ms`, and when the client is closed. */
  up(ms) {
    const late = () => {
      const why = this.#reason?.message ?? "the server has not answered yet";
      return new NoAnswer(`no connection after ${ms / 1000} s: ${why}`);
    };
    return quiet(within(this.#system, ms, this.#ready.promise, late));
  }

  /** Resolves after `ms`, or when the client is closed. */
  wait(ms) {
    return new Promise((resolve) => {
      const end = () => {
        this.#system.clearTimeout(timer);
        this.#waits.delete(end);
        resolve();
      };
      const timer = this.#system.setTimeout(end, ms);
      this.#waits.add(end);
    });
  }

  /** Connect, and stay connected until `close`; settles within `times.connect`. */
  connect() {
    if (this.#state === "idle") this.#begin();
    return this.up(this.#times.connect);
  }

  #begin() {
    const { events } = this.#system;
    try {
      this.#url = address(this.#url);
      this.#regions = new Regions(this.#url, this.#api);
    } catch (error) {
      return this.#end(error);
    }
    events?.addEventListener("online", this.#onOnline);
    events?.addEventListener("offline", this.#onOffline);
    this.#open();
  }

  /** Close the client; unanswered calls fail. */
  close() {
    this.#end(new ActionError("unavailable", "the client was closed", false));
  }

  /** Connect to another region that is known; if that fails, the client returns to this one. */
  moveTo(url) {
    if (!this.#regions?.known.includes(url)) throw new ActionError("bad_request", `${url} is not a known region`, false);
    if (this.#state === "closed" || url === this.#regions.url) return;
    this.#regions.direct(url);
    this.#looks = false;
    if (!this.#socket && !this.#candidate) return this.#wake();
    this.#afterMs = 0;
    this.#isRestored = true; // its end says nothing about the region that is left
    this.#drop({ message: "moving to another region" });
  }

  /** Send a frame; resolves with the ack's data. Rejects at once without a connection. */
  async ask(action, data, withinMs = this.#times.call) {
    const socket = this.#socket;
    if (!socket) throw new NoAnswer("not connected");
    const id = ++this.#lastId;
    const text = encode(action, data, id);
    const sentAt = this.#system.now();
    socket.send(text);
    const answered = this.#pending.wait(id, action, sentAt, withinMs);
    this.#user.emit("frame", { direction: "out", at: sentAt, text, frame: { action, data, id } });
    return answered;
  }

  // -- opening ----------------------------------------------------------------------------------

  async #open() {
    if (this.#system.isOffline()) return this.#become("offline", { reason: offline() });
    this.#become("connecting");
    const attempt = ++this.#attempt;
    const isCurrent = () => attempt === this.#attempt && this.#state === "connecting";
    let token;
    try {
      token = await this.token();
    } catch (error) {
      if (isCurrent()) this.#retryLater(error);
      return;
    }
    // Meanwhile the device may have gone offline, or the client may have been closed.
    if (!isCurrent()) return;
    if (!token) return this.#refuse("getToken returned no token");
    if (!TOKEN.test(token)) return this.#refuse("getToken returned something that is no JWT");
    if (this.#looks) {
      const answer = await this.#regions.look(token, this.#system, this.#times.look);
      if (!isCurrent()) return;
      if (this.#looks) this.#regions.move(answer); // unless the user has chosen meanwhile
      this.#looks = false;
    }
    this.#go(this.#regions.url);
    let socket;
    try {
      socket = open(this.#system.WebSocket, this.#url, token);
    } catch (fault) {
      return this.#cannotOpen(fault);
    }
    this.#attach(socket, token);
  }

  #go(url) {
    if (url === this.#url) return;
    this.#url = url;
    this.#user.emit("moved", { url });
  }

  /** A new token; rejects with the reason if there is none. */
  token() {
    const asked = (async () => this.#getToken())();
    const late = () => new Error(`no answer within ${this.#times.open / 1000} s`);
    return within(this.#system, this.#times.open, asked, late).catch((fault) => {
      const message = `getToken failed: ${fault?.message ?? fault}`;
      throw new ActionError("unavailable", message, true, { cause: fault });
    });
  }

  /** The environment refuses this address by its own rules, and would refuse it again. */
  #cannotOpen(fault) {
    const message = `no connection to ${this.#url}: ${fault.message}`;
    const error = new ActionError("bad_request", message, false, { cause: fault });
    if (this.#url === this.#regions.home) return this.#end(error);
    this.#looks ||= this.#regions.failed();
    this.#retryLater(error);
  }

  #attach(socket, token) {
    const ended = (reason, code) => this.#drop(reason, this.#socket === socket ? code : undefined);
    const late = () => ended(unopened(this.#url, "no answer"));
    this.#timers.open = this.#system.setTimeout(late, this.#times.open);
    this.#candidate = socket;
    socket.onopen = () => {
      this.#stopTimers();
      this.#candidate = null;
      this.#serve(socket, token);
    };
    socket.onclose = ({ code, reason }) => {
      const text = reason || `close code ${code}`;
      if (this.#socket !== socket) return ended(unopened(this.#url, text));
      ended({ code: "unavailable", message: `the server closed the connection: ${text}` }, code);
    };
    socket.onerror = () => {}; // a close follows
    socket.onmessage = (event) => this.#read(String(event.data));
  }

  async #serve(socket, token) {
    this.#socket = socket;
    this.#reason = null;
    this.#wasUseful = false;
    this.#user.opened();
    this.#become("recovering");
    this.#ready.open();
    this.#heartbeat(socket);
    try {
      await this.#user.restore();
    } catch (error) {
      // Without recovery this connection is of no use: reconnect.
      if (this.#socket === socket) this.#drop(error);
      return;
    }
    if (this.#socket !== socket) return;
    this.#isRestored = true;
    this.#regions.opened();
    this.#become("online");
    if (this.#wasUseful) this.#failures = 0;
    this.#explore(token);
  }

  async #explore(token) {
    if (!(await this.#regions.explore(token, this.#system, this.#times.look))) return;
    const { known: urls, names } = this.#regions;
    this.#user.emit("regions", { urls, names });
  }

  // -- ending -----------------------------------------------------------------------------------

  /** Close the socket and reconnect. `code` is the close code, if the server ended the connection. */
  #drop(reason, code) {
    const socket = this.#socket ?? this.#candidate;
    if (socket && !this.#isRestored && !this.#system.isOffline()) this.#looks ||= this.#regions.failed();
    this.#isRestored = false;
    this.#socket = this.#candidate = null;
    if (socket) leave(socket);
    this.#stopTimers();
    this.#user.ended();
    const end = code === undefined ? null : { code, alone: this.#pending.size === 1 };
    this.#pending.failAll(new NoAnswer(`the connection ended: ${reason.message}`, end));
    this.#attempt++; // ignore the result of a running getToken
    if (this.#ready.isOpen) this.#ready = latch();
    if (this.#state === "closed") return;
    if (this.#system.isOffline()) this.#become("offline", { reason: offline() });
    else this.#retryLater(reason);
  }

  #retryLater({ code = "unavailable", message }) {
    let wait = backoff(++this.#failures, this.#times, this.#system.random());
    if (this.#afterMs !== null) {
      wait = this.#afterMs;
      this.#afterMs = null;
    }
    this.#become("waiting", { retry_in_ms: wait, reason: { code, message } });
    this.#system.clearTimeout(this.#timers.retry);
    this.#timers.retry = this.#system.setTimeout(() => this.#open(), wait);
  }

  /** The network is back: reconnect at once. */
  #wake() {
    if (this.#state !== "offline" && this.#state !== "waiting") return;
    this.#stopTimers();
    this.#failures = 0;
    this.#open();
  }

  #refuse(message) {
    this.#user.emit("refused", { message });
    this.#end(new ActionError("unauthorized", message, false));
  }

  #end(error) {
    if (this.#state === "closed") return;
    this.#system.events?.removeEventListener("online", this.#onOnline);
    this.#system.events?.removeEventListener("offline", this.#onOffline);
    const { code, message } = error;
    this.#become("closed", { reason: { code, message } });
    this.#drop({ code, message });
    this.#ready.fail(error);
    for (const end of [...this.#waits]) end();
  }

  // -- frames -----------------------------------------------------------------------------------

  #heartbeat(socket, refused = 0) {
    const { setTimeout } = this.#system;
    this.#timers.ping = setTimeout(async () => {
      try {
        await this.ask("ping", {}, this.#times.pong);
        refused = 0;
      } catch (error) {
        if (this.#socket !== socket) return;
        // `rate_limited` shows that the connection is alive. Any other refusal does not.
        if (error.code === "rate_limited") refused = 0;
        else if (error instanceof NoAnswer || ++refused >= MOST_REFUSED_HEARTBEATS) {
          return this.#drop({ message: `the heartbeat had no answer: ${error.message}` });
        }
      }
      if (this.#socket === socket) this.#heartbeat(socket, refused);
    }, this.#times.ping);
  }

  #read(text) {
    const at = this.#system.now();
    for (const frame of decode(text)) {
      this.#user.emit("frame", { direction: "in", at, text: frame.text, frame: frame.json });
      const { event, id, data = {} } = frame.json;
      if (event === "ack" || event === "error") this.#answer(event, id, data ?? {}, at);
      else if (event) this.#take(event, data ?? {});
    }
  }

  #answer(event, id, data, at) {
    // For refresh_token, `unauthorized` means that the token is bad. For anything else, it means that
    // the server does not know this connection and will not serve it any more.
    const isUnknown = event === "error" && data.code === "unauthorized";
    if (isUnknown && this.#pending.actionOf(id) !== "refresh_token") {
      const message = `the server does not know this connection: ${data.message}`;
      return this.#drop({ code: "unauthorized", message }, null);
    }
    if (event === "ack") {
      this.#wasUseful = true;
      if (this.#state === "online") this.#failures = 0;
    }
    this.#pending.answer(id, event, data, at);
  }

  #take(event, data) {
    try {
      this.#user.event(event, data);
    } catch (fault) {
      console.error(`the event ${event} cannot be handled`, fault); // and must not end the connection
    }
    if (event !== "reconnect") return;
    this.#afterMs = data.after_ms ?? 0;
    const named = endpoint(data.endpoint, this.#url);
    if (named && named !== this.#url) this.#regions.direct(named);
    this.#isRestored = true; // whatever became of it: the server has ended it
    this.#drop({ message: `the server asked the client to reconnect: ${data.reason}` });
  }

  #become(state, more = {}) {
    this.#state = state;
    if (more.reason) this.#reason = more.reason;
    this.#user.emit("state", { state, ...more });
  }

  #stopTimers() {
    for (const [name, timer] of Object.entries(this.#timers)) {
      this.#system.clearTimeout(timer);
      this.#timers[name] = null;
    }
  }
}

function offline() {
  return { code: "unavailable", message: "this device is offline" };
}
