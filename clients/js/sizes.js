/**
 * The size limits of a frame, checked before it is sent: API Gateway closes the connection with 1009
 * if a frame is larger.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */

import { ActionError } from "./errors.js";

/** A browser sends each message as one frame, so the frame's limit applies, not the message's. */
export const FRAME_BYTES = 32 * 1024;
/** The maximum number of conversations in one `sync`. */
const SYNC_CONVERSATIONS = 100;
/** The maximum bytes of positions in one `sync`; the rest of the frame is for the other fields. */
const SYNC_BYTES = 24 * 1024;

/** Encode a frame as text; throws `too_large`. */
export function encode(action, data, id) {
  const text = JSON.stringify({ action, data, id });
  const bytes = bytesOf(text);
  if (bytes > FRAME_BYTES) {
    const message =
      `${action} takes ${bytes} bytes as JSON in UTF-8, the limit of a websocket frame is ${FRAME_BYTES}: ` +
      "shorten it, or send it over HTTP (POST /v1/rooms/{id}/messages)";
    throw new ActionError("too_large", message, false);
  }
  return text;
}

/** As many of these positions as fit into one `sync`; at least one. */
export function syncable(positions) {
  const chosen = {};
  let bytes = 0;
  for (const [conversationId, position] of Object.entries(positions).slice(0, SYNC_CONVERSATIONS)) {
    bytes += bytesOf(JSON.stringify([conversationId, position]));
    if (bytes > SYNC_BYTES && Object.keys(chosen).length > 0) break;
    chosen[conversationId] = position;
  }
  return chosen;
}

/** The bytes of JSON in UTF-8; it has no lone surrogates. React Native may lack `TextEncoder`. */
export function bytesOf(json) {
  let bytes = json.length;
  for (const letter of json) {
    const code = letter.codePointAt(0);
    if (code > 0x7f) bytes += code > 0x7ff ? 2 : 1; // above 0xffff it has a length of 2, and 4 bytes
  }
  return bytes;
}
