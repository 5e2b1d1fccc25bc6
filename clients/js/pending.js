/** Frames that wait for an answer, by their id. */

import { ActionError, NoAnswer } from "./errors.js";

export class Pending {
  #system;
  #onAnswered;
  #waiting = new Map();

  /** @param {(answered: object) => void} onAnswered Gets {action, id, ms, ok, data}. */
  constructor(system, onAnswered) {
    this.#system = system;
    this.#onAnswered = onAnswered;
  }

  get size() {
    return this.#waiting.size;
  }

  /** The action of the frame with this id; undefined if none waits. */
  actionOf(id) {
    return this.#waiting.get(id)?.action;
  }

  /** Resolves with the ack's data; rejects with the error, or after `withinMs`. */
  wait(id, action, sentAt, withinMs) {
    return new Promise((resolve, reject) => {
      const fail = (error) => this.#settle(id, () => reject(error));
      const timer = this.#system.setTimeout(() => fail(new NoAnswer("no answer")), withinMs);
      this.#waiting.set(id, { action, sentAt, timer, resolve, reject });
    });
  }

  answer(id, event, data, at) {
    const asked = this.#waiting.get(id);
    if (!asked) return;
    const { action, sentAt, resolve, reject } = asked;
    const ok = event === "ack";
    this.#onAnswered({ action, id, ms: at - sentAt, ok, data });
    this.#settle(id, ok ? () => resolve(data) : () => reject(refusal(data)));
  }

  failAll(error) {
    for (const [id, { reject }] of [...this.#waiting]) this.#settle(id, () => reject(error));
  }

  #settle(id, settle) {
    this.#system.clearTimeout(this.#waiting.get(id)?.timer);
    this.#waiting.delete(id);
    settle();
  }
}

function refusal({ code, message, retryable, retry_after_ms: waitMs }) {
  const error = new ActionError(code, message, Boolean(retryable));
  if (code === "rate_limited" && Number.isFinite(waitMs)) error.waitMs = waitMs;
  return error;
}
