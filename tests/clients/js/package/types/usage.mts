// What a program may write; tsc --strict accepts it.
import { io } from "./io.mjs";
import { ActionError, newId, QUEUE, TIMES, Tidings, type Message, type Reason, type State } from "@tidings/client";
import { socketOver } from "@tidings/client/socketio";

const tidings = new Tidings({
  url: "wss://chat.example.com/ws",
  getToken: async () => (await fetch("/my/token")).text(),
  api: null,
  followAll: true,
  times: { connect: 2 * TIMES.connect },
  queue: { messages: QUEUE.messages / 2 },
  WebSocket,
});
new Tidings({ url: "wss://host/ws", getToken: async () => null, WebSocket: socketOver(io, { transports: ["websocket"] }) });

const shown = new Map<string, Message>();
const off: () => void = tidings.on("message_received", (message) => shown.set(message.message_id, message));
tidings.on("snapshot", ({ messages }) => messages.forEach((each) => shown.set(each.message_id, each)));
tidings.on("recovered", ({ recovered, error }) => console.log(recovered, error?.code));
tidings.on("state", ({ state, reason }) => show(state, reason ?? null));
show(tidings.state, tidings.reason);

function show(state: State, reason: Reason | null): string {
  return reason === null ? state : `${state}: ${reason.message}`;
}

try {
  await tidings.connect();
  const { position } = await tidings.join("lobby");
  tidings.follow("lobby", position);
  const ack = await tidings.send("lobby", { text: "Hello", to: ["ann", null] }, { clientMessageId: newId(), replyTo: null });
  console.log(ack.message_id, ack.durability === "global");
  const { user_id } = await tidings.call<{ user_id: string }>("hello");
  await tidings.signal("typing_start", { conversation_id: user_id });
  console.log((await tidings.sync(["lobby"])).length, tidings.positions()["lobby"]);
} catch (error) {
  if (!(error instanceof ActionError)) throw error;
  if (error.code === "queue_full" || error.retryable) console.log(error.waitMs, error.message);
}
off();
tidings.close();
