// A client of clients/js on fake sockets and a fake clock, and what it is told.
import { Tidings } from "../../../clients/js/tidings.js";
import { Clock, Network, settle } from "./fakes.mjs";

export const at = (seq) => `eu:${seq}:M${seq}`;

export function message(seq, more = {}) {
  return {
    message_id: `M${seq}`,
    conversation_id: "lobby",
    content: `text ${seq}`,
    is_deleted: false,
    position: at(seq),
    ...more,
  };
}

export function page(messages, seq, more = {}) {
  return { conversations: { lobby: { messages, position: at(seq), recovered: true, more: false, ...more } } };
}

/** A client with what it told, in order. */
export function start(options = {}) {
  const clock = new Clock();
  const network = new Network(clock);
  const tokens = [];
  const getToken = async () => {
    tokens.push(`T${tokens.length + 1}`);
    return tokens.at(-1);
  };
  const { system, ...rest } = options;
  const client = new Tidings({
    url: "ws://here/ws",
    getToken,
    ...rest,
    system: { ...network.system, ...system },
  });
  const told = [];
  for (const name of ["message_received", "message_deleted", "recovered", "snapshot", "recovery", "refused"]) {
    client.on(name, (data) => told.push([name, data]));
  }
  const states = [];
  const reasons = [];
  client.on("state", ({ state, reason }) => {
    states.push(state);
    if (reason) reasons.push(reason);
  });
  const texts = () => told.filter(([name]) => name === "message_received").map(([, data]) => data.content);
  return { clock, network, tokens, client, told, states, reasons, texts };
}

export async function connected(options = {}) {
  const world = start(options);
  world.client.connect();
  await settle();
  await world.network.last.accept();
  return world;
}

/** Let time pass until a new connection is tried, and let it in. */
export async function comeBack({ clock, network }) {
  const before = network.sockets.length;
  for (let step = 0; network.sockets.length === before; step++) {
    if (step > 200) throw new Error("no further connection was tried");
    await clock.pass(100);
  }
  await network.last.accept();
}
