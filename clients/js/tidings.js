/**
 * A client of Tidings: it reconnects and recovers by itself, as if there were only one connection.
 *
 *     const tidings = new Tidings({ url: "wss://host/ws", getToken: async () => "…" });
 *     tidings.on("message_received", (message) => …);
 *     await tidings.connect();
 *     const ack = await tidings.send("lobby", "Hello");
 *
 * After a lost connection it reconnects with jittered backoff. A message that was not acked is sent
 * again with the same client_message_id, so that it is stored only once. Missed messages come by
 * `sync` from the last position, before anything newer. Joined rooms are joined again. See README.md.
 */

import { Asking } from "./asking.js";
import { Connection } from "./connection.js";
import { Inbox } from "./inbox.js";
import { Recovery } from "./recovery.js";
import { encode } from "./sizes.js";
import { newId, SYSTEM, TIMES } from "./system.js";

export { ActionError } from "./errors.js";
export { newId, TIMES } from "./system.js";

/**
 * One user's connection.
 *
 * Besides the server's events, `on` accepts
 * - `state` {state, reason?, retry_in_ms?}: connecting, recovering, online, waiting, offline or
 *   closed; the last three with their `reason` {code, message}
 * - `recovery` {missed, conversations, first}: recovery is complete after a (re)connect
 * - `recovered`, `snapshot`: see `Inbox`
 * - `frame` {direction: "in"|"out", at, text, frame}: every frame, `at` from `performance.now()`
 * - `answered` {action, id, ms, ok, data}: how long an answer took
 * - `regions` {urls, names}: where the client can go, the best first, and those regions' names;
 *   `moved` {url}: it connects there now
 * - `refused` {message}: `getToken` returned no token; the client is closed
 */
export class Tidings {
  #connection;
  #inbox = new Inbox(
    (name, data) => this.#emit(name, data),
    (message) => this.#unacked.has(message.client_message_id),
  );
  #unacked = new Set(); // client_message_ids
  #listeners = new Map();
  #rooms = new Set();
  #sending = new Map();
  #asking;
  #recovery;
  #refreshing = false;

  /**
   * @param {object} options
   * @param {string} options.url wss://host/ws
   * @param {string|null} [options.api] The base URL of the HTTP API, which is asked for other regions;
   *   by default that of the host in `url`. null: stay in one region.
   * @param {() => Promise<string|null>} options.getToken Returns a token for each connection and
   *   each renewal. Nothing (null, "") means that there will be no more tokens, and closes the
   *   client; after an exception it is called again later.
   * @param {boolean} [options.followAll] Begin with a snapshot of all of the user's conversations.
   * @param {Partial<typeof TIMES>} [options.times]
   */
  constructor({ url, api, getToken, followAll = false, times = {}, system = {} }) {
    const waits = { ...TIMES, ...times };
    const environment = { ...SYSTEM, ...system };
    const user = {
      emit: (name, data) => this.#emit(name, data),
      opened: () => this.#recovery.opened(),
      restore: () => this.#recovery.restore(),
      event: (name, data) => this.#take(name, data),
      ended: () => this.#recovery.interrupt(),
    };
    const common = { times: waits, system: environment };
    this.#connection = new Connection({ url, api, getToken, user, ...common });
    this.#asking = new Asking(this.#connection, waits, environment);
    this.#recovery = new Recovery({
      connection: this.#connection,
      asking: this.#asking,
      inbox: this.#inbox,
      rooms: this.#rooms,
      all: followAll,
      on: (name, listener) => this.on(name, listener),
      emit: user.emit,
      ...common,
    });
  }

  get state() {
    return this.#connection.state;
  }

  /** Where the client connects: a URL of the region that it is in. */
  get url() {
    return this.#connection.url;
  }

  /** Why there is no connection, {code, message}; null while there is one. */
  get reason() {
    return this.#connection.reason;
  }

  /** Add a listener; returns a function that removes it. */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
    return () => this.#listeners.get(name).delete(listener);
  }

  /**
   * Connect, and stay connected until `close`. Resolves with the first open connection. Rejects with
   * the reason if there is none within `times.connect`; attempts continue. Rejects at once and
   * permanently if the URL is invalid or `getToken` returns nothing.
   */
  connect() {
    return this.#connection.connect();
  }

  /** Close the client; unanswered calls fail. */
  close() {
    this.#connection.close();
  }

  /**
   * Connect to another of the URLs that `regions` told, and recover there. If that fails, the client
   * returns. Throws `bad_request` for any other URL.
   */
  moveTo(url) {
    this.#connection.moveTo(url);
  }

  /**
   * Send a message; resolves with its ack, over any number of connections. Messages of a
   * conversation are sent one after the other: the server handles frames in parallel, and so does
   * not keep the order of two that are sent at the same time.
   *
   * Rejects at once with `too_large`; with the server's error; and if several connections in a row
   * end while this message waits for its ack.
   *
   * @param {{type?: string, replyTo?: string|null, clientMessageId?: string}} [options]
   */
  async send(conversationId, content, { type = "text", replyTo = null, clientMessageId } = {}) {
    const data = {
      conversation_id: conversationId,
      message_type: type,
      content,
      client_message_id: clientMessageId ?? newId(),
    };
    if (replyTo) data.reply_to_message_id = replyTo;
    encode("send_message", data, 0); // throws at once if it is too large
    const before = this.#sending.get(conversationId) ?? Promise.resolve();
    this.#unacked.add(data.client_message_id);
    const sent = before
      .then(() => this.#asking.insist("send_message", data, Infinity))
      .finally(() => this.#unacked.delete(data.client_message_id));
    this.#sending.set(conversationId, sent.catch(() => {}));
    const ack = await sent;
    this.#inbox.sent(ack);
    this.#recovery.watchHoles();
    return ack;
  }

  /** Run any other action; retries, also over reconnects, while a retry may succeed. */
  call(action, data = {}) {
    return this.#asking.insist(action, data, 5);
  }

  /** Run an action without retries, such as typing; fails at once without a connection. */
  signal(action, data = {}) {
    return this.#connection.ask(action, data);
  }

  /** Join a room on this device; it is joined again on every later connection. */
  async join(roomId) {
    this.#rooms.add(roomId);
    const ack = await this.call("join_room", { room_id: roomId });
    this.#inbox.start(roomId, ack.position);
    return ack;
  }

  async leave(roomId) {
    this.#rooms.delete(roomId);
    return this.call("leave_room", { room_id: roomId });
  }

  /** Recover this conversation from this position after a reconnect; "" begins with a snapshot. */
  follow(conversationId, position) {
    this.#inbox.follow(conversationId, position);
  }

  /** Stop following this conversation, and do not join it again. */
  forget(conversationId) {
    this.#rooms.delete(conversationId);
    this.#inbox.forget(conversationId);
  }

  follows(conversationId) {
    return this.#inbox.follows(conversationId);
  }

  /** By conversation, the position up to which it is complete; pass it to `follow`. */
  positions() {
    return this.#inbox.positions();
  }

  /** Fetch what these conversations have after the client's positions. */
  sync(conversations) {
    return this.#recovery.sync(conversations);
  }

  #take(event, data) {
    if (event === "token_expiring") this.#refresh();
    this.#inbox.take(event, data);
    this.#recovery.watchHoles();
  }

  /** Send a new token; if that fails, the reconnect after the close uses a new one. */
  async #refresh() {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      const token = await this.#connection.token();
      if (token) await this.call("refresh_token", { token });
    } catch {
      // The server closes the connection when the token expires, and the next one has a new token.
    } finally {
      this.#refreshing = false;
    }
  }

  /** Call the listeners. An exception of a listener is logged to the console and ends nothing. */
  #emit(name, data) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(data);
      } catch (fault) {
        console.error(`a listener of ${name} failed`, fault);
      }
    }
  }
}
