/** Retries of actions: over several connections, or only on the current one. */

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

  /** Ask several times, but only on this connection: on the next one, recovery starts again. */
  async insistHere(action, data) {
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
}
