/**
 * A client of Tidings for web pages: one connection after another, as if it were one.
 *
 *     const tidings = new Tidings({ url: "wss://host/ws", getToken: async () => "…" });
 *     tidings.on("message_received", (message) => …);
 *     await tidings.connect();
 *     const ack = await tidings.send("lobby", "Hello");
 *
 * A lost connection is replaced with jittered backoff. A message that was not acked is sent again
 * under its client_message_id, so that twice is once. What was missed comes by `sync` from the
 * last position, before anything newer; joined rooms are joined again. See README.md here.
 */

import { Inbox } from "./inbox.js";

/** In milliseconds; `longestPause` bounds the wait between two attempts, `hole` is how long
 * something may be missing between two live messages before it is asked for. */
export const TIMES = Object.freeze({
  call: 10_000,
  open: 10_000,
  ping: 25_000,
  pong: 8_000,
  hole: 3_000,
  pause: 400,
  longestPause: 10_000,
});

/** An action was refused, or had no answer; `code` and `retryable` as in the error frame. */
export class ActionError extends Error {
  constructor(code, message, retryable) {
    super(message);
    this.name = "ActionError";
    this.code = code;
    this.retryable = retryable;
  }
}

/** There was no answer: nobody knows whether it was done. */
class NoAnswer extends ActionError {
  constructor(why) {
    super("unavailable", why, true);
  }
}

/** What the page's environment gives; tests hand in their own. */
const SYSTEM = {
  WebSocket: globalThis.WebSocket,
  now: () => performance.now(),
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  random: () => Math.random(),
  /** Where `online` and `offline` come from. */
  events: globalThis.addEventListener ? globalThis : new EventTarget(),
  isOffline: () => globalThis.navigator?.onLine === false,
};

/**
 * One user's connection.
 *
 * Beside the server's events, `on` takes
 * - `state` {state, retry_in_ms?}: connecting, recovering, online, waiting, offline or closed
 * - `recovery` {missed, conversations, first}: all is there again after a (re)connect
 * - `recovered`, `snapshot`: see `Inbox`
 * - `frame` {direction: "in"|"out", at, text, frame}: every frame, `at` from `performance.now()`
 * - `answered` {action, id, ms, ok, data}: how long an answer took
 * - `refused` {message}: `getToken` gave none; this is the end
 */
export class Tidings {
  #url;
  #getToken;
  #times;
  #all;
  #system;
  #inbox = new Inbox(
    (name, data) => this.#emit(name, data),
    (message) => this.#unacked.has(message.client_message_id),
  );
  #unacked = new Set(); // client_message_ids
  #listeners = new Map();
  #state = "idle";
  #socket = null; // the open one
  #candidate = null; // the one that is being opened
  #ready = latch();
  #lastId = 0;
  #waiting = new Map();
  #rooms = new Set();
  #sending = new Map();
  #recovery = Promise.resolve();
  #recoveredOnce = false;
  #attempt = 0;
  #failures = 0;
  #directions = null;
  #refreshing = false;
  #timers = { retry: null, ping: null, hole: null };
  #onOnline = () => this.#wake();
  #onOffline = () => this.#drop("offline");

  /**
   * @param {object} options
   * @param {string} options.url ws://host/ws
   * @param {() => Promise<string|null>} options.getToken Gives a token for each connection and
   *   each renewal. Nothing (null, "") means that there is none any more; an exception, that it
   *   is worth trying again.
   * @param {boolean} [options.followAll] Begin with a snapshot of all of the user's conversations.
   * @param {Partial<typeof TIMES>} [options.times]
   */
  constructor({ url, getToken, followAll = false, times = {}, system = {} }) {
    this.#url = url;
    this.#getToken = getToken;
    this.#all = followAll;
    this.#times = { ...TIMES, ...times };
    this.#system = { ...SYSTEM, ...system };
  }

  get state() {
    return this.#state;
  }

  /** Listen; the answer ends it. */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
    return () => this.#listeners.get(name).delete(listener);
  }

  /** Connect, and stay connected until `close`; resolves with the first open connection. */
  connect() {
    if (this.#state === "idle") {
      this.#system.events.addEventListener("online", this.#onOnline);
      this.#system.events.addEventListener("offline", this.#onOffline);
      this.#open();
    }
    return this.#ready.promise;
  }

  /** End it; unanswered calls fail. */
  close() {
    if (this.#state === "closed") return;
    this.#system.events.removeEventListener("online", this.#onOnline);
    this.#system.events.removeEventListener("offline", this.#onOffline);
    this.#end(new ActionError("unavailable", "the client was closed", false));
  }

  /**
   * Send a message; resolves with its ack however many connections it takes. Messages of one
   * conversation go one after the other: the server runs frames side by side, and so keeps no
   * order between two that are under way at once.
   *
   * @param {{type?: string, replyTo?: string|null, clientMessageId?: string}} [options]
   */
  send(conversationId, content, { type = "text", replyTo = null, clientMessageId } = {}) {
    const data = {
      conversation_id: conversationId,
      message_type: type,
      content,
      client_message_id: clientMessageId ?? newId(),
    };
    if (replyTo) data.reply_to_message_id = replyTo;
    const before = this.#sending.get(conversationId) ?? Promise.resolve();
    this.#unacked.add(data.client_message_id);
    const sent = before
      .then(() => this.#insist("send_message", data, Infinity))
      .finally(() => this.#unacked.delete(data.client_message_id));
    this.#sending.set(conversationId, sent.catch(() => {}));
    return sent.then((ack) => {
      this.#inbox.sent(ack);
      this.#watchHoles();
      return ack;
    });
  }

  /** Any other action; tried again over reconnects while a retry makes sense. */
  call(action, data = {}) {
    return this.#insist(action, data, 5);
  }

  /** An action for which now or never is best, like typing: fails at once without connection. */
  async signal(action, data = {}) {
    if (!this.#socket) throw new NoAnswer("not connected");
    return this.#ask(action, data);
  }

  /** Open a room on this device, on every connection to come as well. */
  async join(roomId) {
    this.#rooms.add(roomId);
    const ack = await this.call("join_room", { room_id: roomId });
    if (!this.#inbox.follows(roomId)) this.#inbox.follow(roomId, ack.position);
    return ack;
  }

  async leave(roomId) {
    this.#rooms.delete(roomId);
    return this.call("leave_room", { room_id: roomId });
  }

  /** Recover this conversation from here when the connection is lost; "" begins with a snapshot. */
  follow(conversationId, position) {
    this.#inbox.follow(conversationId, position);
  }

  /** This conversation is none of ours any more. */
  forget(conversationId) {
    this.#rooms.delete(conversationId);
    this.#inbox.forget(conversationId);
  }

  follows(conversationId) {
    return this.#inbox.follows(conversationId);
  }

  /** Fetch now what these conversations have after our positions. */
  sync(conversations) {
    return this.#recover(conversations);
  }

  // -- the connection ---------------------------------------------------------------------------

  async #open() {
    if (this.#system.isOffline()) return this.#become("offline");
    this.#become("connecting");
    const attempt = ++this.#attempt;
    let token;
    try {
      token = await this.#getToken();
    } catch {
      if (attempt === this.#attempt && this.#state === "connecting") this.#retryLater();
      return;
    }
    // Meanwhile it may have gone offline, or been closed.
    if (attempt !== this.#attempt || this.#state !== "connecting") return;
    if (!token) return this.#refuse("no token");
    const url = new URL(this.#directions?.endpoint ?? this.#url);
    url.searchParams.set("token", token);
    const socket = new this.#system.WebSocket(url.href);
    this.#socketOf(socket);
  }

  #socketOf(socket) {
    const system = this.#system;
    const timer = system.setTimeout(() => ended("no connection"), this.#times.open);
    const ended = (reason) => {
      system.clearTimeout(timer);
      if (this.#socket === socket) return this.#drop(reason);
      if (this.#directions) this.#directions.endpoint = undefined; // back to where we came from
      this.#drop(reason);
    };
    this.#candidate = socket;
    socket.onopen = () => {
      system.clearTimeout(timer);
      this.#candidate = null;
      this.#serve(socket);
    };
    socket.onclose = (event) => ended(event.reason || `closed with ${event.code}`);
    socket.onerror = () => {}; // a close follows
    socket.onmessage = (event) => this.#read(String(event.data));
  }

  async #serve(socket) {
    this.#socket = socket;
    this.#failures = 0;
    // Before anything is read: the recovery of the last connection may still be under way, and
    // ours waits for its end.
    this.#hold(this.#restored());
    this.#become("recovering");
    this.#ready.open();
    this.#heartbeat(socket);
    try {
      await this.#restore(socket);
    } catch (error) {
      // Without what was missed this connection is of no use: take another.
      if (this.#socket === socket) this.#drop(error.message);
      return;
    }
    if (this.#socket === socket) this.#become("online");
  }

  /** On a new connection: what was missed, then the rooms. */
  async #restore(socket) {
    const first = !this.#recoveredOnce;
    const reports = await this.#recover(this.#restored());
    if (this.#socket !== socket) return;
    this.#recoveredOnce = true;
    const missed = reports.reduce((sum, each) => sum + each.missed, 0);
    this.#emit("recovery", { missed, conversations: reports, first });
    for (const room of [...this.#rooms]) {
      try {
        await this.#ask("join_room", { room_id: room });
      } catch (error) {
        if (error.retryable) throw error;
        this.#rooms.delete(room);
      }
    }
  }

  /** What a new connection recovers: the followed conversations, or null for all there are. */
  #restored() {
    return this.#all && !this.#recoveredOnce ? null : Object.keys(this.#inbox.positions());
  }

  /** Leave the socket, whatever it thinks of it, and come again. */
  #drop(reason) {
    const socket = this.#socket ?? this.#candidate;
    this.#socket = this.#candidate = null;
    if (socket) {
      detach(socket);
      // A dead socket's close handshake may take minutes: we do not wait for it.
      socket.close(1000);
    }
    this.#stopTimers();
    this.#inbox.interrupt();
    for (const each of this.#waiting.values()) {
      each.fail(new NoAnswer(`the connection ended: ${reason}`));
    }
    this.#attempt++; // a getToken under way is void
    if (this.#ready.isOpen) this.#ready = latch();
    if (this.#state === "closed") return;
    if (this.#system.isOffline() || reason === "offline") this.#become("offline");
    else this.#retryLater();
  }

  #retryLater() {
    const limit = Math.min(this.#times.longestPause, this.#times.pause * 2 ** this.#failures++);
    let wait = this.#system.random() * limit;
    if (this.#directions?.afterMs !== undefined) {
      wait = this.#directions.afterMs;
      this.#directions.afterMs = undefined;
    }
    this.#become("waiting", { retry_in_ms: wait });
    this.#system.clearTimeout(this.#timers.retry);
    this.#timers.retry = this.#system.setTimeout(() => this.#open(), wait);
  }

  /** The network is back: no reason to wait. */
  #wake() {
    if (this.#state !== "offline" && this.#state !== "waiting") return;
    this.#stopTimers();
    this.#failures = 0;
    this.#open();
  }

  #refuse(message) {
    this.#emit("refused", { message });
    this.#end(new ActionError("unauthorized", message, false));
  }

  #end(error) {
    this.#become("closed");
    this.#drop("closed");
    this.#ready.fail(error);
  }

  #heartbeat(socket) {
    const { setTimeout } = this.#system;
    this.#timers.ping = setTimeout(async () => {
      try {
        await this.#ask("ping", {}, this.#times.pong);
      } catch (error) {
        // A refusal is an answer too; silence is the end of this socket.
        if (this.#socket === socket && error instanceof NoAnswer) return this.#drop("silence");
      }
      if (this.#socket === socket) this.#heartbeat(socket);
    }, this.#times.ping);
  }

  // -- frames -----------------------------------------------------------------------------------

  #read(text) {
    const at = this.#system.now();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      frame = {};
    }
    this.#emit("frame", { direction: "in", at, text, frame });
    const { event, id, data = {} } = frame;
    if (event === "ack" || event === "error") this.#waiting.get(id)?.answer(event, data, at);
    else if (event) this.#take(event, data);
  }

  #take(event, data) {
    if (event === "token_expiring") this.#refresh();
    this.#inbox.take(event, data);
    this.#watchHoles();
    if (event === "reconnect") {
      this.#directions = { afterMs: data.after_ms ?? 0, endpoint: this.#endpoint(data.endpoint) };
      this.#drop(`the server asked for it: ${data.reason}`);
    }
  }

  /** Another region's address, as ws(s); a bare host gets our path. */
  #endpoint(text) {
    if (!text) return undefined;
    if (!URL.canParse(text)) return undefined;
    const url = new URL(text.replace(/^http/, "ws"));
    if (url.pathname === "/") url.pathname = new URL(this.#url).pathname;
    return url.href;
  }

  #ask(action, data, withinMs = this.#times.call) {
    const socket = this.#socket;
    if (!socket) return Promise.reject(new NoAnswer("not connected"));
    const system = this.#system;
    const id = ++this.#lastId;
    const sentAt = system.now();
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        system.clearTimeout(timer);
        this.#waiting.delete(id);
        settle(value);
      };
      const fail = (error) => done(reject, error);
      const silent = () => fail(new NoAnswer("no answer"));
      const timer = system.setTimeout(silent, withinMs);
      const answer = (event, body, at) => {
        const ok = event === "ack";
        this.#emit("answered", { action, id, ms: at - sentAt, ok, data: ok ? data : body });
        if (ok) done(resolve, body);
        else fail(new ActionError(body.code, body.message, Boolean(body.retryable)));
      };
      this.#waiting.set(id, { answer, fail });
      const frame = { action, data, id };
      const text = JSON.stringify(frame);
      socket.send(text);
      this.#emit("frame", { direction: "out", at: sentAt, text, frame });
    });
  }

  /** Ask until there is an answer that lasts, over reconnects. */
  async #insist(action, data, tries) {
    for (let attempt = 0; ; ) {
      await this.#ready.promise;
      const socket = this.#socket;
      try {
        return await this.#ask(action, data);
      } catch (error) {
        if (!error.retryable || ++attempt >= tries) throw error;
        if (this.#socket === socket) await this.#pause(attempt);
      }
    }
  }

  #pause(attempt) {
    const limit = Math.min(this.#times.longestPause, this.#times.pause * 2 ** attempt);
    const wait = this.#system.random() * limit;
    return new Promise((resolve) => this.#system.setTimeout(resolve, wait));
  }

  // -- recovery ---------------------------------------------------------------------------------

  /** Fetch what was missed, page by page, while what is live waits; null: all conversations. */
  #recover(conversations) {
    const run = this.#recovery.then(() => this.#fetch(conversations));
    this.#recovery = run.catch(() => {}); // one at a time
    return run;
  }

  async #fetch(conversations) {
    const reports = [];
    const off = this.on("recovered", (report) => reports.push(report));
    try {
      const wanted = conversations ? this.#inbox.positions(conversations) : {};
      this.#hold(conversations && Object.keys(wanted));
      let page = conversations ? null : { positions: {} }; // of all rooms
      while (page !== null || Object.keys(wanted).length > 0) {
        const asked = Object.fromEntries(Object.entries(wanted).slice(0, 100));
        const answer = await this.#insistHere("sync", page ?? { positions: asked });
        for (const [conversationId, part] of Object.entries(answer.conversations)) {
          const position = this.#inbox.page(conversationId, part);
          if (position === null) delete wanted[conversationId];
          else wanted[conversationId] = position;
        }
        page = page && answer.after_room ? { positions: {}, after_room: answer.after_room } : null;
        if (page === null) this.#inbox.endAll();
      }
    } catch (error) {
      if (error.retryable) throw error;
      this.#inbox.giveUp({ code: error.code, message: error.message });
    } finally {
      off();
    }
    return reports;
  }

  /** What is live of these conversations waits for recovery; null: of all. */
  #hold(conversations) {
    if (conversations) this.#inbox.begin(conversations);
    else this.#inbox.beginAll();
  }

  /** Ask several times, but of this connection only: on the next one recovery starts anew. */
  async #insistHere(action, data) {
    const socket = this.#socket;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#ask(action, data);
      } catch (error) {
        if (!error.retryable || attempt === 5 || this.#socket !== socket) throw error;
        await this.#pause(attempt);
        if (this.#socket !== socket) throw error;
      }
    }
  }

  /** Ask for what is missing between live messages when it does not come by itself. */
  #watchHoles() {
    if (this.#timers.hole !== null || this.#inbox.withHoles().length === 0) return;
    this.#timers.hole = this.#system.setTimeout(() => {
      this.#timers.hole = null;
      const holes = this.#inbox.withHoles();
      if (this.#socket && holes.length > 0) this.#recover(holes).catch(() => {});
    }, this.#times.hole);
  }

  /** Go on under a fresh token; should it fail, the reconnect after the close brings one. */
  async #refresh() {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      const token = await this.#getToken();
      if (token) await this.call("refresh_token", { token });
    } catch {
      // The server closes the connection at the token's end, and the next one has a new token.
    } finally {
      this.#refreshing = false;
    }
  }

  // -- small things -----------------------------------------------------------------------------

  #become(state, more = {}) {
    this.#state = state;
    this.#emit("state", { state, ...more });
  }

  /** A fault of a listener is told to the console and ends nothing. */
  #emit(name, data) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(data);
      } catch (fault) {
        console.error(`a listener of ${name} failed`, fault);
      }
    }
  }

  #stopTimers() {
    for (const [name, timer] of Object.entries(this.#timers)) {
      this.#system.clearTimeout(timer);
      this.#timers[name] = null;
    }
  }
}

/** A fresh client_message_id. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A promise with its levers outside. */
function latch() {
  const made = { isOpen: false };
  made.promise = new Promise((resolve, reject) => {
    made.open = () => {
      made.isOpen = true;
      resolve();
    };
    made.fail = reject;
  });
  made.promise.catch(() => {}); // that nobody waits is no fault
  return made;
}

function detach(socket) {
  socket.onopen = socket.onclose = socket.onmessage = null;
  socket.onerror = () => {};
}
