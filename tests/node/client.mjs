// A stock socket.io-client, told what to do by lines of JSON on stdin; tells what happens on stdout.
//
// In: {"connect": {...options}, "namespace": "/x"} (option confirm: ack each delivery_receipt),
// {"emit": [name, data], "ack": id}, {"cut": true} (the transport, without a goodbye),
// {"reconnect": true}, {"disconnect": true}, {"crowd": [{...options}, ...]} (further clients),
// {"beside": "/x"} (another namespace over the same transport),
// {"burst": [name, data], "base64": x, "count": n, "gap": ms} (binary events, each acked).
// Out: {"event": "connect" | "disconnect" | "connect_error" | "upgrade" | "message" | "ack" | "beside" | "crowd" | "burst", ...}.

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

// Tells each time how many of the crowd are connected.
function crowd(everyone) {
  let connected = 0;
  for (const options of everyone) {
    const one = io(url, { forceNew: true, ...options });
    one.on("connect", () => tell("crowd", { connected: ++connected }));
    one.on("disconnect", () => --connected);
  }
}

function burst([name, data], base64, count, gap) {
  const content = Buffer.from(base64, "base64");
  for (let number = 0; number < count; number++) {
    const id = `${number}`;
    setTimeout(() => {
      socket.emit(name, { ...data, content, client_message_id: id }, (...answer) => tell("burst", { id, answer }));
    }, number * gap);
  }
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
  if (order.beside) {
    const other = socket.io.socket(order.beside, { auth: socket.auth });
    other.on("connect", () => tell("beside", { namespace: order.beside }));
    other.connect();
  }
  if (order.crowd) crowd(order.crowd);
  if (order.burst) burst(order.burst, order.base64, order.count, order.gap);
  if (order.cut) socket.io.engine.close();
  if (order.reconnect) socket.connect();
  if (order.disconnect) socket.disconnect();
}).on("close", () => process.exit(0));
