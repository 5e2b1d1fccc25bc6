/** Opening a WebSocket, and leaving it. */

import { ActionError } from "./errors.js";

/** What a subprotocol may consist of, and every JWT does. */
export const TOKEN = /^[\w.~+-]+$/;

/** A WebSocket to this URL. The token is in no URL, as others may log these. */
export function open(WebSocket, url, token) {
  if (!WebSocket) {
    const message = "there is no WebSocket in this environment: pass one as the option WebSocket";
    throw new ActionError("bad_request", message, false);
  }
  const takesArrays = `${url.includes("?") ? "&" : "?"}arrays=true`;
  return new WebSocket(url + takesArrays, ["bearer", token]);
}

/** Hear no more of it. Do not wait: the close handshake of a dead socket may take minutes. */
export function leave(socket) {
  socket.onopen = socket.onclose = socket.onmessage = null;
  socket.onerror = () => {};
  socket.close(1000);
}
