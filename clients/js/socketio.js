import { apiOf } from "./address.js";

/**
 * A standard Socket.IO client with the interface of a WebSocket, for the option `WebSocket`: the same
 * actions and events, over Socket.IO.
 *
 *     import { io } from "socket.io-client";
 *     new Tidings({ url, getToken, WebSocket: socketOver(io, { transports: ["websocket"] }) });
 */
export function socketOver(io, options = {}) {
  return class {
    #socket;

    constructor(url, [, token]) {
      const auth = { token };
      // Tidings itself reconnects, each time with a new token.
      this.#socket = io(apiOf(url), { ...options, auth, reconnection: false, forceNew: true });
      this.#socket.on("connect", () => this.onopen?.({}));
      this.#socket.on("connect_error", (error) => this.#end(error.message));
      this.#socket.on("disconnect", (reason) => this.#end(reason));
      this.#socket.onAny((event, data) => this.#receive({ event, data }));
    }

    send(text) {
      const { action, data, id } = JSON.parse(text);
      this.#socket.emit(action, data ?? {}, (answer) =>
        this.#receive(answer.ok ? { event: "ack", id, data: answer.data } : { event: "error", id, data: answer.error }),
      );
    }

    close() {
      this.#socket.disconnect();
    }

    #receive(frame) {
      this.onmessage?.({ data: JSON.stringify(frame) });
    }

    #end(reason) {
      this.#socket.disconnect();
      this.onclose?.({ code: 1006, reason });
    }
  };
}
