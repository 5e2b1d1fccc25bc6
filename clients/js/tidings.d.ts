/**
 * A client of Tidings: it reconnects, resends and recovers by itself, as if there were only one
 * connection.
 *
 * Times of the protocol are ISO 8601 in UTC with milliseconds; ids and positions are opaque texts.
 */

/** JSON, as the content of a message: at most 64 KB, and 32 KB as a frame with what is around it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Names of timeouts, all in milliseconds. */
export interface Times {
  /** The wait for the answer to a frame. */
  readonly call: number;
  /** How long `call`, `join` and `leave` go on, also to wait for a connection. */
  readonly retry: number;
  /** How long `send` goes on: the server knows a message that it has stored for 24 hours. */
  readonly keep: number;
  /** The wait for a connection to open, and for `getToken`. */
  readonly open: number;
  /** The wait for the first open connection, after which `connect` rejects. */
  readonly connect: number;
  /** The time between heartbeats. */
  readonly ping: number;
  /** The wait for the answer to a heartbeat. */
  readonly pong: number;
  /** How long a message between two live ones may be missing before it is requested. */
  readonly hole: number;
  /** The wait for an answer of one region about the others. */
  readonly look: number;
  /** The limit of the wait before the second attempt to connect; it doubles with each attempt. */
  readonly pause: number;
  /** The limit of the wait between two attempts. */
  readonly longestPause: number;
}

/** Limits of the messages that wait for their acks, also those in flight. */
export interface QueueLimits {
  /** The most messages. */
  readonly messages: number;
  /** The most bytes, of the frames as JSON in UTF-8. */
  readonly bytes: number;
}

/** The default timeouts. */
export const TIMES: Readonly<Times>;

/** The default limits: 1,000 messages, 4 MB. */
export const QUEUE: Readonly<QueueLimits>;

/** A new, unique id for a message, to store with a draft before it is sent. */
export function newId(): string;

/** What can be wrong; docs/reference/protocol.md describes each. `queue_full` is the client's own. */
export type ErrorCode =
  | "bad_request"
  | "unauthorized"
  | "permission_denied"
  | "not_found"
  | "conflict"
  | "rate_limited"
  | "too_large"
  | "unknown_action"
  | "unavailable"
  | "internal"
  | "queue_full";

/** A call was refused, or had no answer. */
export class ActionError extends Error {
  constructor(code: ErrorCode, message: string, retryable: boolean, options?: { cause?: unknown });
  /** What was wrong. */
  readonly code: ErrorCode;
  /**
   * Whether another attempt may succeed. Use the same `clientMessageId`: the first attempt may have
   * been stored.
   */
  readonly retryable: boolean;
  /** After how many milliseconds the server will take it, if it was asked too often; else null. */
  readonly waitMs: number | null;
}

/** Why there is no connection. */
export interface Reason {
  readonly code: ErrorCode;
  /** For developers: what was wrong and what to do. It contains no token. */
  readonly message: string;
}

/**
 * - `idle`: `connect` was not called yet
 * - `connecting`: a connection is being opened
 * - `recovering`: it is open, and missed messages are being fetched
 * - `online`: everything missed has been handed on
 * - `waiting`: for the next attempt
 * - `offline`: the device has no network; the client connects when it is back
 * - `closed`: for good
 */
export type State = "idle" | "connecting" | "recovering" | "online" | "waiting" | "offline" | "closed";

/** A message of a conversation. */
export interface Message {
  /** Unique; ids sort in the order of the conversation. */
  readonly message_id: string;
  readonly conversation_id: string;
  readonly sender_id: string;
  /** The kind of content that the sender chose, such as `text`. */
  readonly message_type: string;
  /** Null once the message is deleted. */
  readonly content: Json;
  readonly reply_to_message_id: string | null;
  readonly timestamp: string;
  /** An own message: somebody else has read it. Another's: this user has. Always false in events. */
  readonly is_read: boolean;
  readonly is_deleted: boolean;
  readonly client_message_id: string | null;
  /** The sender asks devices to confirm the message with `message_delivered`. */
  readonly delivery_receipt: boolean;
  /** Of this message alone; keep those of `positions()` instead. */
  readonly position: string;
}

/** The message is stored. */
export interface SendAck {
  readonly message_id: string;
  readonly conversation_id: string;
  readonly timestamp: string;
  readonly position: string;
  /** Whether it is in this region only, or in a second one too. */
  readonly durability: "regional" | "global";
}

/** What recovery did for a conversation. */
export interface Recovered {
  readonly conversation_id: string;
  /** False: the server could not say what was missed, or `error` says why nothing was fetched. */
  readonly recovered: boolean;
  /** How many messages of others, and of the user's other devices, were missed. */
  readonly missed: number;
  readonly error?: Reason;
}

/** The events, and what their listeners get. */
export interface Events {
  /** A new message; each once, and in order. */
  message_received: Message;
  message_deleted: {
    readonly message_id: string;
    readonly conversation_id: string;
    readonly deleted_by: string;
    readonly timestamp: string;
    readonly position: string;
  };
  message_read: {
    readonly message_id: string;
    readonly conversation_id: string;
    /** Null if this is a count, in a room of over 100 members. */
    readonly reader_id: string | null;
    readonly read_at: string;
    readonly read_count?: number | null;
  };
  message_delivered: {
    readonly message_id: string;
    readonly conversation_id: string;
    readonly user_id: string;
    readonly delivered_at: string;
  };
  typing: {
    readonly conversation_id: string;
    readonly user_id: string;
    readonly is_typing: boolean;
    readonly timestamp: string;
  };
  user_joined: { readonly room_id: string; readonly user_id: string; readonly timestamp: string };
  user_left: { readonly room_id: string; readonly user_id: string; readonly timestamp: string };
  room_updated: {
    readonly room_id: string;
    readonly change: "created" | "member_added" | "member_removed";
    readonly user_id: string;
    readonly timestamp: string;
  };
  room_invitation: { readonly room_id: string; readonly invited_by: string; readonly timestamp: string };
  friend_status_update: {
    readonly user_id: string;
    readonly status: "online" | "away" | "offline";
    /** Drop an event that is older than the last one of this user. */
    readonly timestamp: string;
  };
  notification: Message;
  moment_posted: Message;
  /** The client renews the token by itself. */
  token_expiring: { readonly expires_at: string };
  /** The client follows it by itself. */
  reconnect: { readonly reason: string; readonly after_ms: number; readonly endpoint?: string | null };

  /** The state has changed; `reason` in `waiting`, `offline` and `closed`. */
  state: { readonly state: State; readonly reason?: Reason; readonly retry_in_ms?: number };
  /** Discard what you have of the conversation: these are now its newest messages. */
  snapshot: { readonly conversation_id: string; readonly messages: readonly Message[] };
  /** One conversation is complete. */
  recovered: Recovered;
  /** All are, after a connect. `first`: for the first time. */
  recovery: { readonly missed: number; readonly conversations: readonly Recovered[]; readonly first: boolean };
  /** Where the client can go, the best first, and those regions' names ("" if not known). */
  regions: { readonly urls: readonly string[]; readonly names: readonly string[] };
  /** The next connection goes to this URL. */
  moved: { readonly url: string };
  /** `getToken` returned no token: the client is closed. */
  refused: { readonly message: string };
  /** Every frame; `at` is from `performance.now()`, in milliseconds. */
  frame: { readonly direction: "in" | "out"; readonly at: number; readonly text: string; readonly frame: unknown };
  /** How long an answer took. */
  answered: {
    readonly action: string;
    readonly id: number;
    readonly ms: number;
    readonly ok: boolean;
    readonly data: unknown;
  };
}

/** A WebSocket class, such as the browser's, Node's from version 22, or that of the package `ws`. */
export type WebSocketClass = new (url: string, protocols: string[]) => {
  onopen: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number): void;
};

export interface Options {
  /** The WebSocket URL, like wss://chat.example.com/ws; https is taken as wss. */
  url: string;
  /**
   * Returns a token (a JWT) for each connection and each renewal. Nothing (null, "") means that there
   * will be no more tokens, and closes the client; after an exception it is called again later.
   */
  getToken: () => Promise<string | null | undefined>;
  /**
   * The base URL of the HTTP API, which is asked for other regions; by default that of the host in
   * `url`. null: stay in one region.
   */
  api?: string | null;
  /**
   * Recover all of the user's conversations, also those that the user was added to while away. They
   * begin with a `snapshot`.
   */
  followAll?: boolean;
  times?: Partial<Times>;
  queue?: Partial<QueueLimits>;
  /** Needed where there is no global one, as in Node before version 22. */
  WebSocket?: WebSocketClass;
}

export interface SendOptions {
  /** The kind of content, by default `text`. */
  type?: string;
  /** The id of the message that this one replies to. */
  replyTo?: string | null;
  /** Choose it before the first attempt and store it with the draft: the same id is stored once. */
  clientMessageId?: string;
}

/** One user's connection. */
export class Tidings {
  constructor(options: Options);

  readonly state: State;
  /** Why there is no connection; null while there is one. */
  readonly reason: Reason | null;
  /** Where the client connects: a URL of the region that it is in. */
  readonly url: string;

  /** Add a listener; returns a function that removes it. Its exceptions are logged to the console. */
  on<Name extends keyof Events>(name: Name, listener: (data: Events[Name]) => void): () => void;

  /**
   * Connect, and stay connected until `close`. Resolves with the first open connection. Rejects with
   * the reason if there is none within `times.connect`; attempts continue. Rejects at once and
   * permanently if the URL is invalid, there is no WebSocket, or `getToken` returns nothing.
   */
  connect(): Promise<void>;

  /** Close the client for good; unanswered calls are rejected. */
  close(): void;

  /**
   * Connect to another of the URLs that `regions` told, and recover there. If that fails, the client
   * returns. Throws `bad_request` for any other URL.
   */
  moveTo(url: string): void;

  /**
   * Send a message; resolves with its ack, over any number of connections. The messages of a
   * conversation are sent one after the other, in the order of the calls.
   *
   * Rejects at once with `too_large` (it is over 32 KB as a frame) or `queue_full`; with the server's
   * error; and with `unavailable` if five connections in a row end while the message waits for its
   * ack, after five `internal` errors, or after `times.keep`.
   */
  send(conversationId: string, content: Json, options?: SendOptions): Promise<SendAck>;

  /** Run any other action; retries, also over reconnects, for `times.retry` at most. */
  call<Ack = any>(action: string, data?: object): Promise<Ack>;

  /** Run an action without retries, such as typing; rejects at once without a connection. */
  signal<Ack = any>(action: string, data?: object): Promise<Ack>;

  /** Join a room on this device; it is joined again on every later connection. */
  join(roomId: string): Promise<{ readonly room_id: string; readonly position: string }>;

  leave(roomId: string): Promise<{ readonly room_id: string; readonly position: string }>;

  /** Recover this conversation from this position after a reconnect; "" begins with a snapshot. */
  follow(conversationId: string, position: string): void;

  /** Stop following this conversation, and do not join it again. */
  forget(conversationId: string): void;

  follows(conversationId: string): boolean;

  /**
   * By conversation, the position up to which it is complete. Store them together with the messages
   * that you show, and pass each to `follow` when you start again.
   */
  positions(): Record<string, string>;

  /** Fetch what these conversations have after the client's positions. */
  sync(conversations: readonly string[]): Promise<Recovered[]>;
}
