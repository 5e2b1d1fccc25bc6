/** Where to connect. */

import { ActionError } from "./errors.js";

/** The URL as one of a WebSocket; throws for what can never be one. */
export function address(text) {
  const url = parsed(text);
  if (!url) {
    const message = `${JSON.stringify(text)} is not the URL of a WebSocket, like wss://chat.example.com/ws`;
    throw new ActionError("bad_request", message, false);
  }
  url.hash = "";
  return url.href;
}

/** What a `reconnect` names as another endpoint; a bare host gets the path of `home`. */
export function endpoint(text, home) {
  const url = text ? parsed(text) : null;
  if (!url) return undefined;
  if (url.pathname === "/") url.pathname = new URL(home).pathname;
  return url.href;
}

/** Why a socket did not open. Browsers tell neither the status nor the reason of a handshake. */
export function unopened(url, text) {
  const hint = "is the address right, the token accepted, the server up?";
  return { code: "unavailable", message: `no connection to ${url} (${text}): ${hint}` };
}

function parsed(text) {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  if (/^https?:$/.test(url.protocol)) url.protocol = url.protocol.replace("http", "ws");
  return /^wss?:$/.test(url.protocol) ? url : null;
}
