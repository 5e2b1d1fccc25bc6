// All my rooms: also those that one was added to while away.
import assert from "node:assert/strict";
import { test } from "node:test";

import { at, comeBack, connected, message, page } from "./world.mjs";

const rooms = (ids, more = {}) => {
  const { lobby } = page([message(9)], 9, { recovered: false }).conversations;
  return { conversations: Object.fromEntries(ids.map((id) => [id, lobby])), after_room: null, ...more };
};

async function withLobby() {
  const world = await connected({ followAll: true });
  await world.network.last.ack("sync", page([message(1)], 1, { recovered: false }));
  return world;
}

test("a room that was made while away comes with its snapshot, and what is live waits for it", async () => {
  const { client, clock, network, told, texts } = await withLobby();
  await network.last.end();
  await comeBack({ clock, network });
  const socket = network.last;
  assert.deepEqual(socket.asked("sync")[0].data, { positions: {}, limit: 1 });
  const live = message(2, { message_id: "N2", conversation_id: "new", content: "live" });
  await socket.say("message_received", live);
  await socket.ack("sync", rooms(["lobby"], { after_room: "lobby" }));
  assert.deepEqual(socket.asked("sync")[1].data, { positions: {}, limit: 1, after_room: "lobby" });
  await socket.ack("sync", rooms(["new"]));
  assert.deepEqual(socket.asked("sync")[2].data, { positions: { lobby: at(1), new: "" } });
  const missed = message(1, { message_id: "N1", conversation_id: "new", content: "missed" });
  const fresh = { messages: [missed], position: at(1), recovered: false, more: false };
  await socket.ack("sync", { conversations: { ...page([], 1).conversations, new: fresh } });
  const [, snapshot] = told.filter(([name]) => name === "snapshot").map(([, data]) => data);
  assert.deepEqual([snapshot.conversation_id, snapshot.messages[0].content], ["new", "missed"]);
  assert.deepEqual(texts(), ["live"]);
  assert.deepEqual(client.positions(), { lobby: at(1), new: at(2) });
  assert.deepEqual([client.state, network.last], ["online", socket]);
});

test("positions that are given before the first connection are recovered from, not replaced", async () => {
  const world = await connected({ followAll: true });
  const { client, clock, network } = world;
  await network.last.end();
  client.follow("lobby", at(4));
  await comeBack({ clock, network });
  await network.last.ack("sync", rooms(["lobby"]));
  assert.deepEqual(network.last.asked("sync")[1].data, { positions: { lobby: at(4) } });
});

for (const [name, event, data] of [
  ["a live message of a room that is not known", "message_received", message(7, { conversation_id: "new" })],
  ["an added member", "room_updated", { room_id: "new", change: "member_added", user_id: "me" }],
]) {
  test(`${name} brings its snapshot`, async () => {
    const { network, told } = await withLobby();
    await network.last.say(event, data);
    assert.deepEqual(network.last.asked("sync")[1].data, { positions: { new: "" } });
    const fresh = { messages: [message(6), message(7)], position: at(7), recovered: false, more: false };
    await network.last.ack("sync", { conversations: { new: fresh } });
    const snapshots = told.filter(([told]) => told === "snapshot").map(([, data]) => data.conversation_id);
    assert.deepEqual(snapshots, ["lobby", "new"]);
    await network.last.say(event, data);
    assert.equal(network.last.asked("sync").length, 2, "now it is known");
  });
}

test("neither a removal nor a client that follows rooms by itself asks for one", async () => {
  const { network } = await withLobby();
  await network.last.say("room_updated", { room_id: "other", change: "member_removed", user_id: "me" });
  assert.equal(network.last.asked("sync").length, 1);
  const own = await connected();
  await own.network.last.say("message_received", message(7));
  assert.equal(own.network.last.asked("sync").length, 0);
  assert.deepEqual(own.client.positions(), { lobby: at(7) });
});
