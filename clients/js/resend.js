/**
 * Whether a frame without an ack is sent again. No socket and no clock in here.
 *
 * A frame may be the reason why its connection ends, and would then end the next one too. So its
 * ends are counted, and a frame that was there when a connection ended is sent again only on its
 * own turn: the innocent ones that were there too are not counted for its ends.
 */

import { ActionError, NoAnswer } from "./errors.js";

/** So many connections may end under a frame before it is given up. */
export const MOST_ENDS = 5;
/** So often may the server answer a frame with `internal`. */
export const MOST_FAULTS = 5;
/** Close codes that blame a frame. */
const BLAMES = { 1003: "bad_request", 1007: "bad_request", 1009: "too_large" };

export class Resend {
  #ends = 0;
  #faults = 0;

  /** Whether a connection has ended under it: it takes its turn then. */
  get isSuspect() {
    return this.#ends > 0;
  }

  /** The error to give up with after this one; null when the frame is to be sent again. */
  after(error) {
    if (!error.retryable) return error;
    if (error.code === "internal" && ++this.#faults >= MOST_FAULTS) return error;
    if (!(error instanceof NoAnswer) || error.end === null) return null;
    const { code, alone } = error.end;
    this.#ends += 1;
    const blame = BLAMES[code];
    if (blame && (alone || this.#ends >= MOST_ENDS)) {
      return new ActionError(blame, `the server closed the connection because of it (${code})`, false);
    }
    if (this.#ends < MOST_ENDS) return null;
    const message = `${this.#ends} connections in a row ended right after it was sent; it may have been done`;
    return new ActionError("unavailable", message, true);
  }
}

/** One at a time, in the order in which they asked. */
export class Turns {
  #last = Promise.resolve();

  /** Resolves when it is one's turn, with what ends it. */
  take() {
    let end;
    const mine = new Promise((resolve) => (end = resolve));
    const before = this.#last;
    this.#last = before.then(() => mine);
    return before.then(() => end);
  }
}
