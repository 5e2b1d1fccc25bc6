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
 * `sync` from the last position, before anything newer. Joined rooms are joined again. tidings.d.ts
 * describes the options and events, README.md the behaviour.
 */

import { Asking } from "./asking.js";
import { Connection } from "./connection.js";
import { Inbox } from "./inbox.js";
import { Outbox } from "./outbox.js";
import { Recovery } from "./recovery.js";
import { bytesOf, encode } from "./sizes.js";
import { newId, SYSTEM, TIMES } from "./system.js";

export { ActionError } from "./errors.js";
export { QUEUE } from "./outbox.js";
export { newId, TIMES } from "./system.js";

export class Tidings {
  #connection;
  #inbox = new Inbox(
    (name, data) => this.#emit(name, data),
    (message) => this.#unacked.has(message.client_message_id),
    (conversationId) => this.#recovery.meet(conversationId),
  );
  #unacked = new Set(); // client_message_ids
  #listeners = new Map();
  #rooms = new Set();
  #outbox;
  #times;
  #asking;
  #recovery;
  #refreshing = false;

  constructor({ url, api, getToken, followAll = false, times, queue, WebSocket, system }) {
    const environment = { ...SYSTEM, ...(WebSocket && { WebSocket }), ...system };
    const common = { times: (this.#times = { ...TIMES, ...times }), system: environment };
    const emit = (name, data) => this.#emit(name, data);
    const user = {
      emit,
      opened: () => this.#recovery.opened(),
      restore: () => this.#recovery.restore(),
      event: (name, data) => this.#take(name, data),
      ended: () => this.#recovery.interrupt(),
    };
    const connection = (this.#connection = new Connection({ url, api, getToken, user, ...common }));
    const asking = (this.#asking = new Asking(connection, this.#times, environment));
    this.#outbox = new Outbox(queue);
    this.#recovery = new Recovery({
      connection,
      asking,
      inbox: this.#inbox,
      rooms: this.#rooms,
      all: followAll,
      on: (name, listener) => this.on(name, listener),
      emit,
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

  connect() {
    return this.#connection.connect();
  }

  close() {
    this.#connection.close();
  }

  moveTo(url) {
    this.#connection.moveTo(url);
  }

  /**
   * Send a message; resolves with its ack, over any number of connections. Messages of a conversation
   * are sent one after the other: the server handles frames in parallel, and so does not keep the
   * order of two that are sent at the same time.
   */
  async send(conversationId, content, { type = "text", replyTo = null, clientMessageId = newId() } = {}) {
    const data = {
      conversation_id: conversationId,
      message_type: type,
      content,
      client_message_id: clientMessageId,
    };
    if (replyTo) data.reply_to_message_id = replyTo;
    const bytes = bytesOf(encode("send_message", data, 0)); // throws at once if it is too large
    const ack = await this.#outbox.put(conversationId, bytes, async () => {
      this.#unacked.add(clientMessageId);
      try {
        return await this.#asking.insist("send_message", data, this.#times.keep);
      } finally {
        this.#unacked.delete(clientMessageId);
      }
    });
    this.#inbox.sent(ack);
    this.#recovery.watchHoles();
    return ack;
  }

  /** Run any other action; retries, also over reconnects, while a retry may succeed. */
  call(action, data = {}) {
    return this.#asking.insist(action, data, this.#times.retry, 5);
  }

  /** Run an action without retries, such as typing; fails at once without a connection. */
  signal(action, data = {}) {
    return this.#connection.ask(action, data);
  }

  /** Join a room on this device; it is joined again on every later connection. */
  async join(roomId) {
    this.#rooms.add(roomId);
    const ack = await this.call("join_room", { room_id: roomId }).catch((error) => {
      if (!error.retryable) this.#rooms.delete(roomId);
      throw error;
    });
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
    if (event === "room_updated" && data.change !== "member_removed") this.#inbox.meet(data.room_id);
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
