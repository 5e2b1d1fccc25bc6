/** What the client takes from its environment, and its waits. */

/** In milliseconds. */
export const TIMES = Object.freeze({
  /** For an answer. */
  call: 10_000,
  /** For one connection to open, and for one answer of `getToken`. */
  open: 10_000,
  /** For the first open connection: then `connect` rejects. */
  connect: 30_000,
  /** Between heartbeats, and for the answer to one. */
  ping: 25_000,
  pong: 8_000,
  /** How long something may be missing between two live messages before it is asked for. */
  hole: 3_000,
  /** Bounds of the wait between two attempts, see backoff.js. */
  pause: 400,
  longestPause: 10_000,
});

/** What the page's environment gives; tests hand in their own. */
export const SYSTEM = {
  WebSocket: globalThis.WebSocket,
  now: () => performance.now(),
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  random: () => Math.random(),
  /** Where `online` and `offline` come from. */
  events: globalThis.addEventListener ? globalThis : new EventTarget(),
  isOffline: () => globalThis.navigator?.onLine === false,
};

/** A fresh client_message_id. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A promise that is settled from outside. */
export function latch() {
  const made = { isOpen: false };
  made.promise = quiet(
    new Promise((resolve, reject) => {
      made.open = () => {
        made.isOpen = true;
        resolve();
      };
      made.fail = reject;
    }),
  );
  return made;
}

/** The same as `promise`, but rejects with what `late` gives when it takes longer. */
export function within(system, ms, promise, late) {
  return new Promise((resolve, reject) => {
    const timer = system.setTimeout(() => reject(late()), ms);
    const settle = (how) => (value) => {
      system.clearTimeout(timer);
      how(value);
    };
    promise.then(settle(resolve), settle(reject));
  });
}

/** That nobody waits for this promise is no fault. */
export function quiet(promise) {
  promise.catch(() => {});
  return promise;
}
