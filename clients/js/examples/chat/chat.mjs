// A chat in a terminal: `node chat.mjs URL USER ROOM`, with the URL of a local stack (make run).
//
// Each line that is typed is sent, each message is printed. It goes on over lost connections, and ends with
// its input. TOKEN names a token; without it, the local stack gives one, as your own login would.
import { createInterface } from "node:readline";
import { Tidings } from "@tidings/client";

const [server, user, room] = process.argv.slice(2);
if (!room) {
  console.error("usage: node chat.mjs URL USER ROOM");
  process.exit(2);
}

const tidings = new Tidings({
  url: new URL("/ws", server).href,
  getToken: async () => process.env.TOKEN ?? (await tokenOf(user)),
  followAll: true,
  // Node has a WebSocket from version 22; before, the package `ws` has one.
  WebSocket: globalThis.WebSocket ?? (await import("ws")).WebSocket,
});
tidings.on("snapshot", ({ conversation_id, messages }) => conversation_id === room && messages.forEach(print));
tidings.on("message_received", (message) => message.conversation_id === room && print(message));
tidings.on("state", ({ state, reason }) => console.error(reason ? `${state}: ${reason.message}` : state));
tidings.on("moved", ({ url }) => console.error(`moving to ${url}`));

try {
  await tidings.connect();
  await tidings.join(room);
  const lines = createInterface({ input: process.stdin });
  const sent = [];
  for await (const line of lines) {
    sent.push(tidings.send(room, line).catch((error) => console.error(`not sent: ${line}: ${error.message}`)));
  }
  await Promise.all(sent);
} catch (error) {
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
tidings.close();

function print({ sender_id, content }) {
  console.log(`${sender_id}: ${content}`);
}

async function tokenOf(user_id) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(new URL("/dev/token", server), { method: "POST", headers, body: JSON.stringify({ user_id }) });
  return (await answer.json()).token;
}
