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

import { backoff } from "./backoff.js";
import { Connection } from "./connection.js";
import { Inbox } from "./inbox.js";
import { Resend, Turns } from "./resend.js";
import { encode, syncable } from "./sizes.js";
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
  #all;
  #times;
  #system;
  #connection;
  #inbox = new Inbox(
    (name, data) => this.#emit(name, data),
    (message) => this.#unacked.has(message.client_message_id),
  );
  #unacked = new Set(); // client_message_ids
  #listeners = new Map();
  #rooms = new Set();
  #sending = new Map();
  #suspects = new Turns();
  #recovery = Promise.resolve();
  #recoveredOnce = false;
  #refreshing = false;
  #hole = null;

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
    this.#all = followAll;
    this.#times = { ...TIMES, ...times };
    this.#system = { ...SYSTEM, ...system };
    const user = {
      emit: (name, data) => this.#emit(name, data),
      // The recovery of the last connection may still be under way, and ours waits for its end.
      opened: () => this.#hold(this.#restored()),
      restore: () => this.#restore(),
      event: (name, data) => this.#take(name, data),
      ended: () => this.#interrupt(),
    };
    this.#connection = new Connection({ url, getToken, times: this.#times, system: this.#system, user });
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
      .then(() => this.#insist("send_message", data, Infinity))
      .finally(() => this.#unacked.delete(data.client_message_id));
    this.#sending.set(conversationId, sent.catch(() => {}));
    const ack = await sent;
    this.#inbox.sent(ack);
    this.#watchHoles();
    return ack;
  }

  /** Any other action; tried again over reconnects while a retry makes sense. */
  call(action, data = {}) {
    return this.#insist(action, data, 5);
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
    return this.#recover(conversations);
  }

  // -- asking -----------------------------------------------------------------------------------

  /** Ask until there is an answer that lasts, over reconnects. */
  async #insist(action, data, tries) {
    encode(action, data, 0);
    const resend = new Resend();
    for (let attempt = 1; ; attempt++) {
      const endTurn = resend.isSuspect ? await this.#suspects.take() : () => {};
      let socket;
      try {
        await this.#connection.ready;
        socket = this.#connection.current;
        return await this.#connection.ask(action, data);
      } catch (error) {
        const final = resend.after(error);
        if (final || attempt >= tries) throw final ?? error;
      } finally {
        endTurn();
      }
      if (this.#connection.current === socket) await this.#pause(attempt);
    }
  }

  /** Ask several times, but of this connection only: on the next one recovery starts anew. */
  async #insistHere(action, data) {
    const socket = this.#connection.current;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#connection.ask(action, data);
      } catch (error) {
        if (!error.retryable || attempt === 5 || this.#connection.current !== socket) throw error;
        await this.#pause(attempt);
        if (this.#connection.current !== socket) throw error;
      }
    }
  }

  #pause(attempt) {
    const wait = backoff(attempt + 1, this.#times, this.#system.random());
    return new Promise((resolve) => this.#system.setTimeout(resolve, wait));
  }

  #take(event, data) {
    if (event === "token_expiring") this.#refresh();
    this.#inbox.take(event, data);
    this.#watchHoles();
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

  // -- recovery ---------------------------------------------------------------------------------

  /** On a new connection: what was missed, then the rooms. */
  async #restore() {
    const socket = this.#connection.current;
    const first = !this.#recoveredOnce;
    const reports = await this.#recover(this.#restored());
    if (this.#connection.current !== socket) return;
    this.#recoveredOnce = true;
    const missed = reports.reduce((sum, each) => sum + each.missed, 0);
    this.#emit("recovery", { missed, conversations: reports, first });
    for (const room of [...this.#rooms]) {
      try {
        await this.#connection.ask("join_room", { room_id: room });
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

  #interrupt() {
    this.#system.clearTimeout(this.#hole);
    this.#hole = null;
    this.#inbox.interrupt();
  }

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
        const asked = syncable(wanted);
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

  /** Ask for what is missing between live messages when it does not come by itself. */
  #watchHoles() {
    if (this.#hole !== null || this.#inbox.withHoles().length === 0) return;
    this.#hole = this.#system.setTimeout(() => {
      this.#hole = null;
      const holes = this.#inbox.withHoles();
      if (this.#connection.current && holes.length > 0) this.#recover(holes).catch(() => {});
    }, this.#times.hole);
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
