/**
 * Decides whether a frame without an ack is sent again. Uses no socket and no clock.
 *
 * A frame may be the reason why its connection ended, and would then end the next one too. So the
 * ends are counted for each frame that was waiting. Such a suspect frame is sent again only when no
 * other suspect waits, so that the innocent ones are not counted for the ends that it causes.
 */

import { ActionError, NoAnswer } from "./errors.js";

/** A frame is given up after this many connections have ended while it waited. */
export const MOST_ENDS = 5;
/** A frame is given up after this many `internal` errors. */
export const MOST_FAULTS = 5;
/** Close codes that mean that a frame was the reason, and the error for it. */
const BLAMES = { 1003: "bad_request", 1007: "bad_request", 1009: "too_large" };

export class Resend {
  #ends = 0;
  #faults = 0;
  /** The final error, if there was one. */
  over = null;

  /** Whether a connection has ended while it waited; then it must take a turn. */
  get isSuspect() {
    return this.#ends > 0;
  }

  /** The final error after this one; null if the frame should be sent again. */
  after(error) {
    return (this.over = this.#judge(error));
  }

  #judge(error) {
    if (!error.retryable) return error;
    if (error.code === "internal" && ++this.#faults >= MOST_FAULTS) return error;
    if (!(error instanceof NoAnswer) || error.end === null) return null;
    const { code, alone } = error.end;
    this.#ends += 1;
    const blame = BLAMES[code];
    if (blame && (alone || this.#ends >= MOST_ENDS)) {
      return new ActionError(blame, `the server closed the connection because of this frame (close code ${code})`, false);
    }
    if (this.#ends < MOST_ENDS) return null;
    const message = `${this.#ends} connections in a row ended while this frame waited for its ack; it may have been done`;
    return new ActionError("unavailable", message, true);
  }
}

/** Turns: one holder at a time, in the order of the calls. */
export class Turns {
  #last = Promise.resolve();

  /** Resolves when it is the caller's turn, with a function that ends the turn. */
  take() {
    let end;
    const mine = new Promise((resolve) => (end = resolve));
    const before = this.#last;
    this.#last = before.then(() => mine);
    return before.then(() => end);
  }
}
