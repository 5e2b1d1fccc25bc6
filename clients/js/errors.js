/** The errors of calls. */

/**
 * An action was refused or had no answer; `code` and `retryable` are those of the error frame.
 *
 * `waitMs` says after which time the server will take it, if it was asked too often; else it is null.
 */
export class ActionError extends Error {
  constructor(code, message, retryable, options) {
    super(message, options);
    this.name = "ActionError";
    this.code = code;
    this.retryable = retryable;
    this.waitMs = null;
  }
}

/** There was no answer: the action may or may not have been done. */
export class NoAnswer extends ActionError {
  /**
   * @param {string} message
   * @param {{code: number|null, alone: boolean}|null} [end] Set if the server ended the connection:
   *   the close code, and whether this frame was the only one without an answer.
   */
  constructor(message, end = null) {
    super("unavailable", message, true);
    this.end = end;
  }
}
