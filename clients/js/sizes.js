/**
 * What one frame may carry, checked before it is sent: API Gateway answers a larger one by
 * closing the connection with 1009.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */

import { ActionError } from "./errors.js";

/** A browser sends each message as one frame, so the frame's limit is the one that counts. */
export const FRAME_BYTES = 32 * 1024;
/** The most conversations that one `sync` may name. */
const SYNC_CONVERSATIONS = 100;
/** What the positions of one `sync` may take; the rest of the frame is for what is around them. */
const SYNC_BYTES = 24 * 1024;

const utf8 = new TextEncoder();

/** The frame as text; throws `too_large`. */
export function encode(action, data, id) {
  const text = JSON.stringify({ action, data, id });
  const bytes = bytesOf(text);
  if (bytes > FRAME_BYTES) {
    const message =
      `${action} takes ${bytes} bytes as JSON in UTF-8, a websocket frame carries ${FRAME_BYTES}: ` +
      "shorten it, or post it over HTTP (POST /v1/rooms/{id}/messages)";
    throw new ActionError("too_large", message, false);
  }
  return text;
}

/** As many of these positions as one `sync` can carry; at least one. */
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

function bytesOf(text) {
  return utf8.encode(text).length;
}
