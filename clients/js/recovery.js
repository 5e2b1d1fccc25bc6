/** What a new connection has to bring: what was missed, page by page, then the rooms. */

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
   * @param {Set<string>} options.rooms Joined again; one that is closed to us leaves it.
   * @param {boolean} options.all Begin with all of the user's conversations.
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

  /** A connection is open: nothing that is live is shown before what was missed. */
  opened() {
    // The recovery of the last connection may still be under way, and ours waits for its end.
    this.#hold(this.#restored());
  }

  /** On a new connection: what was missed, then the rooms. */
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

  interrupt() {
    this.#system.clearTimeout(this.#hole);
    this.#hole = null;
    this.#inbox.interrupt();
  }

  /** Fetch what was missed, page by page, while what is live waits; null: all conversations. */
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

  /** What is live of these conversations waits for recovery; null: of all. */
  #hold(conversations) {
    if (conversations) this.#inbox.begin(conversations);
    else this.#inbox.beginAll();
  }

  /** Ask for what is missing between live messages when it does not come by itself. */
  watchHoles() {
    if (this.#hole !== null || this.#inbox.withHoles().length === 0) return;
    this.#hole = this.#system.setTimeout(() => {
      this.#hole = null;
      const holes = this.#inbox.withHoles();
      if (this.#connection.current && holes.length > 0) this.sync(holes).catch(() => {});
    }, this.#times.hole);
  }
}
