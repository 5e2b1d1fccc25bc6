// A stock socket.io-client, told what to do by lines of JSON on stdin; tells what happens on stdout.
//
// In: {"connect": {...options}, "namespace": "/x"} (option confirm: ack each delivery_receipt),
// {"emit": [name, data], "ack": id}, {"cut": true} (the transport, without a goodbye),
// {"reconnect": true}, {"disconnect": true}.
// Out: {"event": "connect" | "disconnect" | "connect_error" | "upgrade" | "message" | "ack", ...}.

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const url = process.argv[2];
let socket = null;

const tell = (event, data) => process.stdout.write(`${JSON.stringify({ event, ...data })}\n`);

function connect(namespace, { confirm, ...options }) {
  socket = io(url + namespace, options);
  if (confirm) socket.on("delivery_receipt", (message, ack) => ack());
  socket.on("connect", () => {
    const { engine } = socket.io;
    tell("connect", { id: socket.id, recovered: socket.recovered, transport: engine.transport.name });
    engine.once("upgrade", (transport) => tell("upgrade", { transport: transport.name }));
  });
  socket.on("disconnect", (reason) => tell("disconnect", { reason }));
  socket.on("connect_error", (error) => tell("connect_error", { message: error.message, data: error.data }));
  socket.onAny((name, ...args) => tell("message", { name, args }));
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.connect) connect(order.namespace ?? "", order.connect);
  if (order.emit) {
    const [name, data] = order.emit;
    const args = order.base64 ? [{ ...data, content: Buffer.from(order.base64, "base64") }] : [data];
    if (order.ack === undefined) socket.emit(name, ...args);
    else socket.emit(name, ...args, (...answer) => tell("ack", { ack: order.ack, answer }));
  }
  if (order.cut) socket.io.engine.close();
  if (order.reconnect) socket.connect();
  if (order.disconnect) socket.disconnect();
}).on("close", () => process.exit(0));
