/** Messages without an ack: how many there may be, and their order. No socket, no clock. */

import { ActionError } from "./errors.js";

/** The most messages without an ack, and their bytes as frames. */
export const QUEUE = /* @__PURE__ */ Object.freeze({ messages: 1_000, bytes: 4 * 1024 * 1024 });

export class Outbox {
  #limits;
  #messages = 0;
  #bytes = 0;
  #last = new Map(); // by conversation, the end of its last message

  constructor(limits) {
    this.#limits = { ...QUEUE, ...limits };
  }

  /** Count a message; throws `queue_full` if the limits leave no room for it. */
  add(bytes) {
    const { messages: most, bytes: mostBytes } = this.#limits;
    if (this.#messages >= most || this.#bytes + bytes > mostBytes) {
      const waiting = `${this.#messages} messages (${this.#bytes} bytes) wait for their acks`;
      const limits = `the limit is ${most} messages and ${mostBytes} bytes`;
      throw new ActionError("queue_full", `not sent: ${waiting}, ${limits}`, true);
    }
    this.#messages++;
    this.#bytes += bytes;
  }

  remove(bytes) {
    this.#messages--;
    this.#bytes -= bytes;
  }

  /** Count a message, and send it after the earlier ones of its conversation. */
  async put(conversationId, bytes, send) {
    this.add(bytes);
    const before = this.#last.get(conversationId) ?? Promise.resolve();
    const sent = before.then(send);
    const end = sent.catch(() => {});
    this.#last.set(conversationId, end);
    try {
      return await sent;
    } finally {
      this.remove(bytes);
      if (this.#last.get(conversationId) === end) this.#last.delete(conversationId);
    }
  }
}
