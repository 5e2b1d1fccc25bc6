/**
 * Retries of actions: over several connections, or only on the current one.
 *
 * A refusal that says when the server will take the action is not counted as an attempt.
 */

import { backoff } from "./backoff.js";
import { Resend, Turns } from "./resend.js";
import { encode } from "./sizes.js";

export class Asking {
  #connection;
  #times;
  #system;
  #suspects = new Turns();

  constructor(connection, times, system) {
    this.#connection = connection;
    this.#times = times;
    this.#system = system;
  }

  /** Ask until there is a final answer, over reconnects; for so long, and so often, at most. */
  async insist(action, data, forMs, tries = Infinity) {
    encode(action, data, 0); // throws at once if it is too large
    const { now } = this.#system;
    const until = now() + forMs;
    const resend = new Resend();
    for (let attempt = 1; ; ) {
      let socket;
      let waitMs;
      let endTurn = () => {};
      try {
        await this.#connection.up(until - now());
        if (resend.isSuspect) endTurn = await this.#suspects.take();
        socket = this.#connection.current;
        return await this.#connection.ask(action, data);
      } catch (error) {
        const final = resend.after(error);
        waitMs = error.waitMs ?? null;
        if (final || now() >= until || (waitMs === null && attempt >= tries)) throw final ?? error;
      } finally {
        endTurn();
      }
      if (waitMs !== null) await this.#connection.wait(waitMs);
      else if (this.#connection.current === socket) await this.#pause(attempt++);
      else attempt++;
    }
  }

  /**
   * Ask several times, but only on this connection: on the next one, recovery starts again.
   *
   * @param {Resend} resend Counts over connections; with `over` after the rejection, it is final.
   */
  async insistHere(action, data, resend) {
    const socket = this.#connection.current;
    for (let attempt = 1; ; ) {
      try {
        return await this.#connection.ask(action, data);
      } catch (error) {
        const final = resend.after(error);
        const waitMs = error.waitMs ?? null;
        const isLast = waitMs === null && attempt >= 5;
        if (final || isLast || this.#connection.current !== socket) throw final ?? error;
        await (waitMs === null ? this.#pause(attempt++) : this.#connection.wait(waitMs));
        if (this.#connection.current !== socket) throw error;
      }
    }
  }

  #pause(attempt) {
    return this.#connection.wait(backoff(attempt + 1, this.#times, this.#system.random()));
  }
}
