// Many stock socket.io-clients in one process, told what to do by lines of JSON on stdin.
//
//     node swarm.mjs URL PACKAGE_JSON       (PACKAGE_JSON: of a folder with socket.io-client)
//
// In: {"open": {client, token, rooms: {room: position}, options, others}}, {"send": {client, data}},
// {"cut": client}.
// Out: {"client", "event": "connected" {recovered, transport, url} | "disconnected" {reason} |
// "connect_error" {message} | "pushed" {room, message_id} | "shown" {room, message_id} |
// "answered" {key, answer}}.
//
// They do what docs/how-to/use-socketio-clients.md asks of a client: `client_message_id` with
// `retries`, one entry shown once, and a `sync` where `socket.recovered` is false.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Inbox } from "../../clients/js/inbox.js";

const [url, packages] = process.argv.slice(2);
const { io } = createRequire(packages)("socket.io-client");
const AGAIN_MS = 500;

class Client {
  #name;
  #socket;
  #inbox = new Inbox((name, data) => this.#show(name, data));
  #shown = new Set();
  #urls; // the first one is where it connects
  #failures = 0;

  constructor({ client, token, rooms, options, others }) {
    this.#name = client;
    this.#urls = [url, ...others];
    for (const [room, position] of Object.entries(rooms)) this.#inbox.follow(room, position);
    const socket = (this.#socket = io(url, { ...options, auth: { token }, forceNew: true }));
    socket.on("connect", () => {
      this.#failures = 0;
      const transport = socket.io.engine.transport.name;
      this.#tell("connected", { recovered: Boolean(socket.recovered), transport, url: socket.io.uri });
      if (!socket.recovered) this.#sync(this.#inbox.positions());
    });
    socket.on("disconnect", (reason) => {
      this.#tell("disconnected", { reason });
      this.#comeBack();
    });
    socket.on("connect_error", ({ message }) => {
      this.#tell("connect_error", { message });
      this.#comeBack();
    });
    // As in docs/how-to/move-socketio-clients.md, but for a list that is known from the start.
    socket.on("reconnect", ({ endpoint }) => {
      if (endpoint) this.#go(new URL(endpoint).origin.replace(/^ws/, "http"));
    });
    socket.io.on("reconnect_error", () => {
      if (++this.#failures % 2 === 0) this.#go(this.#urls.at(1));
    });
    socket.on("message_received", (message) => {
      this.#tell("pushed", { room: message.conversation_id, message_id: message.message_id });
      this.#inbox.take("message_received", message);
    });
  }

  send(data) {
    const key = data.client_message_id;
    this.#socket.emit("send_message", data, (error, answer) => {
      if (!error && answer.ok) this.#inbox.sent(answer.data);
      this.#tell("answered", { key, answer: error ? failed(error) : answer });
    });
  }

  cut() {
    this.#socket.io.engine?.close();
  }

  #go(next) {
    if (!this.#urls.includes(next)) return;
    this.#urls = [next, ...this.#urls.filter((each) => each !== next)];
    this.#socket.io.uri = next;
  }

  /** The client does not by itself where the server has refused or ended it. */
  #comeBack() {
    if (!this.#socket.active) setTimeout(() => this.#socket.connect(), AGAIN_MS);
  }

  #sync(positions) {
    this.#inbox.begin(Object.keys(positions));
    this.#socket.emit("sync", { positions }, (error, answer) => {
      if (error || !answer.ok) return setTimeout(() => this.#sync(positions), AGAIN_MS);
      const more = {};
      for (const [room, part] of Object.entries(answer.data.conversations)) {
        const position = this.#inbox.page(room, part);
        if (position !== null) more[room] = position;
      }
      if (Object.keys(more).length > 0) this.#sync(more);
    });
  }

  #show(name, data) {
    if (name === "snapshot") {
      for (const each of data.messages) if (!this.#shown.has(each.message_id)) this.#show("message_received", each);
    }
    if (name !== "message_received") return;
    this.#shown.add(data.message_id);
    this.#tell("shown", { room: data.conversation_id, message_id: data.message_id });
  }

  #tell(event, data) {
    process.stdout.write(`${JSON.stringify({ client: this.#name, event, ...data })}\n`);
  }
}

const failed = ({ message }) => ({ ok: false, error: { code: "unavailable", message, retryable: true } });
const clients = new Map();

createInterface({ input: process.stdin }).on("line", (line) => {
  const { open, send, cut } = JSON.parse(line);
  if (open) clients.set(open.client, new Client(open));
  if (send) clients.get(send.client).send(send.data);
  if (cut) clients.get(cut).cut();
}).on("close", () => process.exit(0));
