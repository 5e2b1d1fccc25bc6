/**
 * A client of Tidings: one connection after another, as if it were one.
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
 * Beside the server's events, `on` takes
 * - `state` {state, reason?, retry_in_ms?}: connecting, recovering, online, waiting, offline or
 *   closed; the last three with their `reason` {code, message}
 * - `recovery` {missed, conversations, first}: all is there again after a (re)connect
 * - `recovered`, `snapshot`: see `Inbox`
 * - `frame` {direction: "in"|"out", at, text, frame}: every frame, `at` from `performance.now()`
 * - `answered` {action, id, ms, ok, data}: how long an answer took
 * - `refused` {message}: `getToken` gave none; this is the end
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
   * @param {() => Promise<string|null>} options.getToken Gives a token for each connection and
   *   each renewal. Nothing (null, "") means that there is none any more; an exception, that it
   *   is worth trying again.
   * @param {boolean} [options.followAll] Begin with a snapshot of all of the user's conversations.
   * @param {Partial<typeof TIMES>} [options.times]
   */
  constructor({ url, getToken, followAll = false, times = {}, system = {} }) {
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
    this.#connection = new Connection({ url, getToken, user, ...common });
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

  /** Why there is no connection now, {code, message}; null while there is one. */
  get reason() {
    return this.#connection.reason;
  }

  /** Listen; the answer ends it. */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
    return () => this.#listeners.get(name).delete(listener);
  }

  /**
   * Connect, and stay connected until `close`. Resolves with the first open connection. Rejects
   * when there is none within `times.connect`, with the reason: attempts go on then. Rejects at
   * once, and for good, when the URL cannot be one or `getToken` gives nothing.
   */
  connect() {
    return this.#connection.connect();
  }

  /** End it; unanswered calls fail. */
  close() {
    this.#connection.close();
  }

  /**
   * Send a message; resolves with its ack however many connections that takes. Messages of one
   * conversation go one after the other: the server runs frames side by side, and so keeps no
   * order between two that are under way at once.
   *
   * Rejects at once with `too_large`; with the server's refusal; and when one connection after
   * the other ends under this message.
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
    encode("send_message", data, 0); // one that is too large waits for nothing
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

  /** Any other action; tried again over reconnects while a retry makes sense. */
  call(action, data = {}) {
    return this.#asking.insist(action, data, 5);
  }

  /** An action for which now or never is best, like typing: fails at once without connection. */
  signal(action, data = {}) {
    return this.#connection.ask(action, data);
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

  /** Up to where each followed conversation is complete: what `follow` takes, by conversation. */
  positions() {
    return this.#inbox.positions();
  }

  /** Fetch now what these conversations have after our positions. */
  sync(conversations) {
    return this.#recovery.sync(conversations);
  }

  #take(event, data) {
    if (event === "token_expiring") this.#refresh();
    this.#inbox.take(event, data);
    this.#recovery.watchHoles();
  }

  /** Go on under a fresh token; should it fail, the reconnect after the close brings one. */
  async #refresh() {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      const token = await this.#connection.token();
      if (token) await this.call("refresh_token", { token });
    } catch {
      // The server closes the connection at the token's end, and the next one has a new token.
    } finally {
      this.#refreshing = false;
    }
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
}
