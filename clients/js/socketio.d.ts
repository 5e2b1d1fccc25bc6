/** The client over Socket.IO, in place of a plain WebSocket. */

import type { WebSocketClass } from "./tidings.js";

/**
 * A WebSocket class, for the option `WebSocket` of `Tidings`, that uses a standard Socket.IO client.
 *
 *     import { io } from "socket.io-client";
 *     new Tidings({ url, getToken, WebSocket: socketOver(io, { transports: ["websocket"] }) });
 *
 * @param io The function `io` of `socket.io-client` 4.6 or later.
 * @param options Its options, such as `path`, `transports`. Reconnection and the token are Tidings'.
 */
export function socketOver(io: (url: string, options: any) => any, options?: object): WebSocketClass;
