/** React hooks. Make the client outside of the components, connect it, and pass it to them. */

import type { ActionError, Json, Message, Reason, SendOptions, State, Tidings } from "./tidings.js";

/** The client's state, and why there is no connection; renders again when they change. */
export function useTidings(tidings: Tidings): { readonly state: State; readonly reason: Reason | null };

/** A message to show. */
export type RoomMessage =
  | (Message & { readonly status: "sent"; readonly error: null })
  | OutgoingMessage;

/** A message of `send` that has no ack yet. */
export interface OutgoingMessage {
  /** Its id in the room; null until it is acked. */
  readonly message_id: null;
  readonly conversation_id: string;
  readonly sender_id: string;
  readonly message_type: string;
  readonly content: Json;
  readonly reply_to_message_id: string | null;
  /** When `send` was called, by this device's clock. */
  readonly timestamp: string;
  readonly is_read: false;
  readonly is_deleted: false;
  /** Call `send` with it again (`clientMessageId`) to repeat a message that has failed. */
  readonly client_message_id: string;
  readonly status: "sending" | "failed";
  /** Why it has failed. */
  readonly error: ActionError | null;
}

export interface RoomView {
  /** The newest messages (50 at first) and all that came since, in order; then those without an ack. */
  readonly messages: readonly RoomMessage[];
  /** Whether the room's newest messages are among them. */
  readonly isLoaded: boolean;
  /** Why the room cannot be shown, such as `permission_denied`. */
  readonly error: Reason | ActionError | null;
  /** Add a message and send it. Does not reject: its `status` says what has become of it. */
  readonly send: (content: Json, options?: SendOptions) => Promise<void>;
}

/**
 * A room: joined while a component shows it, with its newest messages and what comes.
 *
 * @param userId Whose client it is: the `sender_id` of the messages that `send` adds.
 */
export function useRoom(tidings: Tidings, roomId: string, userId: string): RoomView;
