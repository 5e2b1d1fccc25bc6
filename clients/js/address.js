/** Addresses to connect to. React Native's `URL` is incomplete, so it is not used. */

import { ActionError } from "./errors.js";

const HOST = /^(ws|http)(s?):\/\/((?:\[[\da-f:.]+\]|[^\s/?#@:[\]]+)(?::\d{1,5})?)(\/[^\s?#]*)?(\?[^\s#]*)?(#.*)?$/i;

/** The URL as a WebSocket URL; throws if it is not one. */
export function address(text) {
  const url = parsed(text);
  if (url) return url.origin + url.path + url.query;
  const message = `${JSON.stringify(text)} is not the URL of a WebSocket, like wss://chat.example.com/ws`;
  throw new ActionError("bad_request", message, false);
}

/** The endpoint that a `reconnect` event names; a URL without a path gets the path of `home`. */
export function endpoint(text, home) {
  const url = parsed(text);
  return url && url.origin + (url.path === "/" ? parsed(home).path : url.path) + url.query;
}

/** The base URL of an HTTP API that has the same host as a WebSocket URL. */
export function apiOf(url) {
  return parsed(url).origin.replace(/^ws/, "http");
}

/** Why a socket did not open. Browsers do not reveal a handshake's status or reason. */
export function unopened(url, text) {
  const hint = "check the address, the token, and that the server is running";
  return { code: "unavailable", message: `no connection to ${url} (${text}): ${hint}` };
}

function parsed(text) {
  const [found, , secure, host, path = "/", query = ""] = HOST.exec(text) ?? [];
  if (!found || Number(/:(\d+)$/.exec(host)?.[1] ?? 0) > 65_535) return null;
  return { origin: `ws${secure}://${host}`.toLowerCase(), path, query };
}
