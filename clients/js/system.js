/** The client's timeouts, its environment and helpers for promises. */

/** Timeouts in milliseconds. */
export const TIMES = /* @__PURE__ */ Object.freeze({
  /** The wait for an answer. */
  call: 10_000,
  /** How long `call` goes on, also to wait for a connection. */
  retry: 60_000,
  /** How long `send` goes on. The server knows a message that it has stored for as long. */
  keep: 86_400_000,
  /** The wait for a connection to open, and for `getToken`. */
  open: 10_000,
  /** The wait for the first open connection, after which `connect` rejects. */
  connect: 30_000,
  /** The time between heartbeats, and the wait for the answer to one. */
  ping: 25_000,
  pong: 8_000,
  /** How long a message between two live ones may be missing before it is requested. */
  hole: 3_000,
  /** The wait for an answer of one region about the others. */
  look: 3_000,
  /** Limits of the wait between two attempts, see backoff.js. */
  pause: 400,
  longestPause: 10_000,
});

/** The environment; tests use their own. Only WebSocket and timers are everywhere: React Native lacks the rest. */
export const SYSTEM = {
  WebSocket: globalThis.WebSocket,
  fetch: async (url, options) => globalThis.fetch(url, options),
  now: () => (globalThis.performance ?? Date).now(),
  setTimeout: (work, ms) => setTimeout(work, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  random: () => Math.random(),
  /** The target of the events `online` and `offline`. */
  events: globalThis.addEventListener ? globalThis : null,
  isOffline: () => globalThis.navigator?.onLine === false,
};

/** A new client_message_id: unique, which is all that it has to be. */
export function newId() {
  const bytes = new Uint8Array(16);
  if (globalThis.crypto) crypto.getRandomValues(bytes);
  else bytes.forEach((_, at) => (bytes[at] = Math.random() * 256));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A promise with functions that settle it. */
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

/** Like `promise`, but rejects with the result of `late` if it takes longer than `ms`. */
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

/** Do not report a rejection of this promise as unhandled. */
export function quiet(promise) {
  promise.catch(() => {});
  return promise;
}
