/** Recovery on a new connection: fetches missed messages page by page, then joins the rooms. */

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

  /**
   * @param {object} options
   * @param {Set<string>} options.rooms The rooms to join again; refused rooms are removed from it.
   * @param {boolean} options.all Whether to begin with all of the user's conversations.
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
    this.#hold(this.#restored());
  }

  /** Recover on a new connection: missed messages first, then the rooms. */
  async restore() {
    const socket = this.#connection.current;
    const first = !this.#recoveredOnce;
    const reports = await this.sync(this.#restored());
    if (this.#connection.current !== socket) return;
    this.#recoveredOnce = true;
    const missed = reports.reduce((sum, each) => sum + each.missed, 0);
    this.#emit("recovery", { missed, conversations: reports, first });
    for (const room of [...this.#rooms]) {
      try {
        await this.#asking.insistHere("join_room", { room_id: room });
      } catch (error) {
        if (error.retryable) throw error;
        this.#rooms.delete(room);
      }
    }
  }

  /** The conversations to recover on a new connection; null for all of the user's. */
  #restored() {
    return this.#all && !this.#recoveredOnce ? null : Object.keys(this.#inbox.positions());
  }

  interrupt() {
    this.#system.clearTimeout(this.#hole);
    this.#hole = null;
    this.#inbox.interrupt();
  }

  /** Fetch missed messages page by page, while live ones wait; null: of all conversations. */
  sync(conversations) {
    const run = this.#running.then(() => this.#fetch(conversations));
    this.#running = run.catch(() => {}); // one at a time
    return run;
  }

  async #fetch(conversations) {
    const reports = [];
    const off = this.#on("recovered", (report) => reports.push(report));
    try {
      const wanted = conversations ? this.#inbox.positions(conversations) : {};
      this.#hold(conversations && Object.keys(wanted));
      let page = conversations ? null : { positions: {} }; // of all rooms
      while (page !== null || Object.keys(wanted).length > 0) {
        const asked = syncable(wanted);
        const answer = await this.#asking.insistHere("sync", page ?? { positions: asked });
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

  /** Hold live messages of these conversations during recovery; null: of all. */
  #hold(conversations) {
    if (conversations) this.#inbox.begin(conversations);
    else this.#inbox.beginAll();
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
