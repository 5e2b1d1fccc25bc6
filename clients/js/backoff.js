/** How long to wait before another attempt. */

/**
 * A random share of a limit that doubles with each attempt, in milliseconds.
 *
 * @param {number} attempt From 1.
 * @param {{pause: number, longestPause: number}} times
 * @param {number} random From 0 up to 1.
 */
export function backoff(attempt, { pause, longestPause }, random) {
  return random * Math.min(longestPause, pause * 2 ** (attempt - 1));
}
