/** Addresses to connect to. */

import { ActionError } from "./errors.js";

/** The URL as a WebSocket URL; throws if it is not one. */
export function address(text) {
  const url = parsed(text);
  if (!url) {
    const message = `${JSON.stringify(text)} is not the URL of a WebSocket, like wss://chat.example.com/ws`;
    throw new ActionError("bad_request", message, false);
  }
  url.hash = "";
  return url.href;
}

/** The endpoint that a `reconnect` event names; a URL without a path gets the path of `home`. */
export function endpoint(text, home) {
  const url = text ? parsed(text) : null;
  if (!url) return undefined;
  if (url.pathname === "/") url.pathname = new URL(home).pathname;
  return url.href;
}

/** Why a socket did not open. Browsers do not reveal a handshake's status or reason. */
export function unopened(url, text) {
  const hint = "check the address, the token, and that the server is running";
  return { code: "unavailable", message: `no connection to ${url} (${text}): ${hint}` };
}

function parsed(text) {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  if (/^https?:$/.test(url.protocol)) url.protocol = url.protocol.replace("http", "ws");
  return /^wss?:$/.test(url.protocol) ? url : null;
}
