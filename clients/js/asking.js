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

  /** Ask until there is a final answer, over reconnects. */
  async insist(action, data, tries) {
    encode(action, data, 0); // throws at once if it is too large
    const resend = new Resend();
    for (let attempt = 1; ; ) {
      const endTurn = resend.isSuspect ? await this.#suspects.take() : () => {};
      let socket;
      let waitMs;
      try {
        await this.#connection.ready;
        socket = this.#connection.current;
        return await this.#connection.ask(action, data);
      } catch (error) {
        const final = resend.after(error);
        waitMs = error.waitMs ?? null;
        if (final || (waitMs === null && attempt >= tries)) throw final ?? error;
      } finally {
        endTurn();
      }
      if (waitMs !== null) await this.#wait(waitMs);
      else if (this.#connection.current === socket) await this.#pause(attempt++);
      else attempt++;
    }
  }

  /** Ask several times, but only on this connection: on the next one, recovery starts again. */
  async insistHere(action, data) {
    const socket = this.#connection.current;
    for (let attempt = 1; ; ) {
      try {
        return await this.#connection.ask(action, data);
      } catch (error) {
        const limited = (error.waitMs ?? null) !== null;
        if (!error.retryable || this.#connection.current !== socket) throw error;
        if (!limited && attempt === 5) throw error;
        await (limited ? this.#wait(error.waitMs) : this.#pause(attempt++));
        if (this.#connection.current !== socket) throw error;
      }
    }
  }

  #pause(attempt) {
    return this.#wait(backoff(attempt + 1, this.#times, this.#system.random()));
  }

  #wait(ms) {
    return new Promise((resolve) => this.#system.setTimeout(resolve, ms));
  }
}
