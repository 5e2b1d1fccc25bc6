/** Recovery on a new connection: fetches missed messages page by page, then joins the rooms. */

import { ActionError } from "./errors.js";
import { Resend } from "./resend.js";
import { syncable } from "./sizes.js";

export class Recovery {
  #connection;
  #asking;
  #inbox;
  #rooms;
  #all;
  #on;
  #emit;
  #times;
  #system;
  #running = Promise.resolve();
  #recoveredOnce = false;
  #hole = null;
  #resend = new Resend(); // of the recovery, over connections

  /**
   * @param {object} options
   * @param {Set<string>} options.rooms The rooms to join again; refused rooms are removed from it.
   * @param {boolean} options.all Whether to recover all of the user's conversations.
   * @param {(name: string, listener: Function) => Function} options.on
   */
  constructor({ connection, asking, inbox, rooms, all, on, emit, times, system }) {
    this.#connection = connection;
    this.#asking = asking;
    this.#inbox = inbox;
    this.#rooms = rooms;
    this.#all = all;
    this.#on = on;
    this.#emit = emit;
    this.#times = times;
    this.#system = system;
  }

  /** A connection is open: hold live messages until the missed ones are shown. */
  opened() {
    // The last connection's recovery may still be running, and this one waits for its end.
    this.#hold(this.#followed(), this.#all);
  }

  /** Recover on a new connection: missed messages first, then the rooms. */
  async restore() {
    const socket = this.#connection.current;
    const first = !this.#recoveredOnce;
    const given = this.#resend.over; // by the connections before: this one goes without
    if (given) this.#resend = new Resend();
    const reports = await this.#next(() => this.#fetch(this.#followed(), this.#all, this.#resend, given));
    if (this.#connection.current !== socket) return;
    this.#recoveredOnce = true;
    const missed = reports.reduce((sum, each) => sum + each.missed, 0);
    this.#emit("recovery", { missed, conversations: reports, first });
    if (!given) await this.#join();
    this.#resend = new Resend();
  }

  async #join() {
    for (const room of [...this.#rooms]) {
      try {
        await this.#asking.insistHere("join_room", { room_id: room }, this.#resend);
      } catch (error) {
        if (error.retryable && !this.#resend.over) throw error;
        if (!error.retryable) this.#rooms.delete(room);
      }
    }
  }

  #followed() {
    return Object.keys(this.#inbox.positions());
  }

  interrupt() {
    this.#system.clearTimeout(this.#hole);
    this.#hole = null;
    this.#inbox.interrupt();
  }

  /** A conversation that the client does not know: returns whether it is fetched from now on. */
  meet(conversationId) {
    if (this.#all) this.sync([conversationId]).catch(() => {});
    return this.#all;
  }

  /** Fetch missed messages page by page, while live ones wait. */
  sync(conversations) {
    return this.#next(() => this.#fetch(conversations, false, new Resend()));
  }

  /** One at a time. */
  #next(fetch) {
    const run = this.#running.then(fetch);
    this.#running = run.catch(() => {});
    return run;
  }

  async #fetch(conversations, all, resend, given) {
    const socket = this.#connection.current;
    const reports = [];
    const off = this.#on("recovered", (report) => reports.push(report));
    const ask = (data) => this.#asking.insistHere("sync", data, resend);
    try {
      const wanted = this.#inbox.positions(conversations);
      this.#hold(Object.keys(wanted), all);
      if (given) throw given;
      if (all) await this.#list(wanted, ask);
      await this.#fill(wanted, ask);
    } catch (error) {
      // What is missing is asked for on the next connection, unless there is no use in that.
      const isOver = resend.over !== null || given || !error.retryable;
      if (!isOver && (resend === this.#resend || this.#connection.current !== socket)) throw error;
      this.#inbox.giveUp({ code: error.code ?? "internal", message: error.message });
      if (error.retryable && resend !== this.#resend) throw error;
    } finally {
      off();
    }
    return reports;
  }

  /** Begin the conversations that are not known yet; one may have been added to a room while away. */
  async #list(wanted, ask) {
    const knowsSome = Object.keys(wanted).length > 0;
    const limit = knowsSome ? { limit: 1 } : {}; // most are known: only their names are of interest
    for (let after = {}; after; ) {
      const { conversations, after_room } = await ask({ positions: {}, ...limit, ...after });
      for (const [conversationId, part] of Object.entries(conversations)) {
        if (this.#inbox.follows(conversationId)) continue;
        if (knowsSome) {
          this.#inbox.follow(conversationId, "");
          this.#hold([conversationId]);
          wanted[conversationId] = "";
        } else {
          const position = this.#inbox.page(conversationId, part);
          if (position !== null) wanted[conversationId] = position;
        }
      }
      after = after_room ? { after_room } : null;
    }
    this.#inbox.endAll();
  }

  async #fill(wanted, ask) {
    while (Object.keys(wanted).length > 0) {
      const asked = syncable(wanted);
      const { conversations } = await ask({ positions: asked });
      let moves = false;
      for (const [conversationId, before] of Object.entries(asked)) {
        const position = this.#inbox.page(conversationId, conversations[conversationId] ?? MISSING);
        moves ||= position !== before;
        if (position === null) delete wanted[conversationId];
        else wanted[conversationId] = position;
      }
      if (!moves) throw new ActionError("internal", "the answers to sync make no progress", false);
    }
  }

  /** Hold live messages of these conversations during recovery, or of all. */
  #hold(conversations, all = false) {
    this.#inbox.begin(conversations);
    if (all) this.#inbox.beginAll();
  }

  /** Request messages that are missing between live ones, if they do not arrive in time. */
  watchHoles() {
    if (this.#hole !== null || this.#inbox.withHoles().length === 0) return;
    this.#hole = this.#system.setTimeout(() => {
      this.#hole = null;
      const holes = this.#inbox.withHoles();
      if (this.#connection.current && holes.length > 0) this.sync(holes).catch(() => {});
    }, this.#times.hole);
  }
}

const MISSING = { error: { code: "internal", message: "the answer to sync has nothing about this conversation" } };
