/** What a call can end with. */

/** An action was refused, or had no answer; `code` and `retryable` as in the error frame. */
export class ActionError extends Error {
  constructor(code, message, retryable, options) {
    super(message, options);
    this.name = "ActionError";
    this.code = code;
    this.retryable = retryable;
  }
}

/** There was no answer: nobody knows whether it was done. */
export class NoAnswer extends ActionError {
  /**
   * @param {string} message
   * @param {{code: number|null, alone: boolean}|null} [end] Set when the other side ended the
   *   connection: the close code, and whether this frame was the only one without an answer.
   */
  constructor(message, end = null) {
    super("unavailable", message, true);
    this.end = end;
  }
}
