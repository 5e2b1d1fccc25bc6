// The React hooks, in a renderer without a DOM.
import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "../fakes.mjs";
import { comeBack, connected, message, page, start } from "../world.mjs";
import { packages } from "./packages.mjs";
import { useRoom, useTidings } from "../../../../clients/js/react.js";

globalThis.IS_REACT_ACT_ENVIRONMENT = true;
const { act, createElement, StrictMode } = packages("react");
const { create } = packages("react-test-renderer");

const within = (work) => act(async () => {
  await work();
  await settle();
});

/** Renders components that only tell what a hook returns. */
async function shown(hook, wrap = (element) => element) {
  const seen = [];
  const Shown = (props) => {
    seen.push(hook(props));
    return null;
  };
  let renderer;
  const render = (props = {}) => wrap(createElement(Shown, props));
  await within(() => (renderer = create(render())));
  return {
    seen,
    last: () => seen.at(-1),
    update: (props) => within(() => renderer.update(render(props))),
    unmount: () => within(() => renderer.unmount()),
  };
}

const texts = ({ messages }) => messages.map(({ content, status }) => `${content} ${status}`);
const opened = (more) => ({ message_id: null, conversation_id: "lobby", sender_id: "ann", ...more });

async function inLobby(wrap) {
  const world = await connected();
  const view = await shown(({ room = "lobby" }) => useRoom(world.client, room, "ann"), wrap);
  await within(() => world.network.last.ack("join_room", { room_id: "lobby", position: "" }));
  await within(() => world.network.last.ack("sync", page([message(2), message(1)], 2, { recovered: false })));
  return { ...world, view };
}

test("the state and its reason are rendered when they change", async () => {
  const { client, network, clock } = start();
  const view = await shown(() => useTidings(client));
  assert.deepEqual(view.last(), { state: "idle", reason: null });
  await within(() => void client.connect());
  await within(() => network.last.accept());
  assert.deepEqual(view.last(), { state: "online", reason: null });
  await within(() => network.last.end());
  assert.equal(view.last().state, "waiting");
  assert.match(view.last().reason.message, /close code 1006/);
  await within(() => comeBack({ clock, network }));
  assert.deepEqual(view.last(), { state: "online", reason: null });
  const renders = view.seen.length;
  await view.unmount();
  client.close();
  assert.equal(view.seen.length, renders);
});

test("a room is joined, begins with its newest messages, and goes on with what comes", async () => {
  const { network, view } = await inLobby();
  assert.deepEqual(view.seen[0].messages, []);
  assert.equal(view.seen[0].isLoaded, false);
  assert.deepEqual(texts(view.last()), ["text 1 sent", "text 2 sent"]);
  assert.equal(view.last().isLoaded, true);
  await within(() => network.last.say("message_received", message(3)));
  await within(() => network.last.say("message_received", message(9, { conversation_id: "other" })));
  assert.deepEqual(texts(view.last()), ["text 1 sent", "text 2 sent", "text 3 sent"]);
  await within(() => network.last.say("message_deleted", { message_id: "M2", conversation_id: "lobby", position: "eu:4:M4" }));
  assert.deepEqual(texts(view.last()), ["text 1 sent", "null sent", "text 3 sent"]);
  await view.unmount();
  assert.deepEqual(network.last.asked("leave_room").map((frame) => frame.data), [{ room_id: "lobby" }]);
});

test("what is sent is shown at once, and says what has become of it", async () => {
  const { network, view } = await inLobby();
  let sending;
  await within(() => void (sending = view.last().send("mine", { clientMessageId: "c1" })));
  assert.deepEqual(texts(view.last()).at(-1), "mine sending");
  assert.equal(view.last().messages.at(-1).sender_id, "ann");
  await within(() => network.last.ack("send_message", opened({ message_id: "M3", position: "eu:3:M3", timestamp: "now" })));
  await sending;
  assert.deepEqual(texts(view.last()), ["text 1 sent", "text 2 sent", "mine sent"]);
  assert.equal(view.last().messages.at(-1).timestamp, "now");
  await within(() => view.last().send("x".repeat(40_000), { clientMessageId: "c2" }));
  const failed = view.last().messages.at(-1);
  assert.deepEqual([failed.status, failed.error.code, failed.client_message_id], ["failed", "too_large", "c2"]);
});

test("what was missed is there after a reconnect", async () => {
  const { clock, network, view } = await inLobby();
  await within(() => network.last.end());
  await within(() => comeBack({ clock, network }));
  await within(() => network.last.ack("sync", page([message(3)], 3)));
  assert.deepEqual(texts(view.last()), ["text 1 sent", "text 2 sent", "text 3 sent"]);
  await within(() => network.last.ack("join_room", { room_id: "lobby", position: "eu:3:M3" }));
  await within(() => network.last.end());
  await within(() => comeBack({ clock, network }));
  await within(() => network.last.ack("sync", page([message(8)], 8, { recovered: false })));
  assert.deepEqual(texts(view.last()), ["text 8 sent"], "a snapshot replaces");
});

test("a room that is closed to the user says so", async () => {
  const { client, network } = await connected();
  const view = await shown(() => useRoom(client, "lobby", "ann"));
  await within(() => network.last.error("join_room", "permission_denied", false));
  const error = { code: "permission_denied", message: "not a member of this room" };
  await within(() => network.last.ack("sync", page([], 0, { recovered: false, error })));
  assert.deepEqual([view.last().isLoaded, view.last().error.code], [false, "permission_denied"]);
});

test("another room replaces the one before", async () => {
  const { network, view } = await inLobby();
  await view.update({ room: "garden" });
  assert.deepEqual(view.last().messages, []);
  assert.deepEqual(network.last.asked("join_room").map((frame) => frame.data.room_id), ["lobby", "garden"]);
  assert.deepEqual(network.last.asked("leave_room").map((frame) => frame.data.room_id), ["lobby"]);
});

test("a second mount in strict mode joins once and leaves once", async () => {
  const { network, view } = await inLobby((element) => createElement(StrictMode, null, element));
  assert.equal(network.last.asked("join_room").length, 1);
  await within(() => network.last.say("message_received", message(3)));
  assert.equal(texts(view.last()).length, 3);
  await view.unmount();
  assert.equal(network.last.asked("leave_room").length, 1);
});
