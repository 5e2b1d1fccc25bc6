// Nothing that the server has or says makes a client ask, or reconnect, for ever.
import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "./fakes.mjs";
import { at, comeBack, connected, message, page } from "./world.mjs";

const frames = (network, action) => network.sockets.flatMap((socket) => socket.asked(action));

async function back({ client, clock, network }) {
  client.follow("lobby", at(1));
  await network.last.end();
  await comeBack({ clock, network });
}

test("a recovery that the server always fails is given up, and the connection kept", async () => {
  const world = await connected();
  const { client, clock, network, told } = world;
  await back(world);
  for (let n = 0; n < 5; n++) {
    await network.last.say("message_received", message(3 + n));
    await network.last.error("sync", "internal", true);
    await clock.pass(4_000);
  }
  assert.equal(frames(network, "sync").length, 5);
  assert.equal(client.state, "online");
  const [, report] = told.find(([name]) => name === "recovered");
  assert.deepEqual([report.recovered, report.error.code], [false, "internal"]);
  assert.equal(network.sockets.length, 2);
  assert.deepEqual(client.positions(), { lobby: at(1) }, "the hole stays known");
});

test("a recovery that ends five connections is left out on the next one", async () => {
  const world = await connected();
  const { client, clock, network, told } = world;
  await back(world);
  for (let n = 0; n < 5; n++) {
    assert.equal(network.last.asked("sync").length, 1);
    await network.last.end(1011);
    await comeBack({ clock, network });
  }
  assert.equal(client.state, "online");
  assert.equal(network.last.sent.length, 0);
  const [, report] = told.findLast(([name]) => name === "recovered");
  assert.match(report.error.message, /5 connections in a row/);
  await network.last.end();
  await comeBack({ clock, network });
  assert.deepEqual(network.last.asked("sync")[0].data, { positions: { lobby: at(1) } }, "and then it is tried again");
});

test("a join that the server always fails is left out, but not forgotten", async () => {
  const world = await connected();
  const { client, clock, network } = world;
  const joining = client.join("lobby");
  await settle();
  await network.last.ack("join_room", { room_id: "lobby", position: at(1) });
  await joining;
  await back(world);
  await network.last.ack("sync", page([], 1));
  for (let n = 0; n < 5; n++) {
    await network.last.error("join_room", "internal", true);
    await clock.pass(4_000);
  }
  assert.equal(client.state, "online");
  assert.equal(network.sockets.length, 2);
  await network.last.end();
  await comeBack({ clock, network });
  await network.last.ack("sync", page([], 1));
  assert.equal(network.last.asked("join_room").length, 1);
});

for (const [name, answer] of [
  ["answers that make no progress", page([], 1, { more: true })],
  ["answers without the conversation", { conversations: {} }],
]) {
  test(`${name} end a sync`, async () => {
    const world = await connected();
    const { client, network, told } = world;
    await back(world);
    await network.last.ack("sync", answer);
    assert.equal(client.state, "online");
    const [, report] = told.find(([name]) => name === "recovered");
    assert.deepEqual([report.recovered, report.error.code], [false, "internal"]);
    assert.equal(network.last.asked("sync").length, 1);
    assert.deepEqual(client.positions(), { lobby: at(1) });
  });
}

test("a conversation that cannot be read now keeps its position, one that is closed to us does not", async () => {
  for (const [code, kept] of [["internal", { lobby: at(1) }], ["permission_denied", {}]]) {
    const world = await connected();
    await back(world);
    const error = { code, message: "no" };
    await world.network.last.ack("sync", page([], 1, { recovered: false, error }));
    assert.deepEqual(world.client.positions(), kept, code);
  }
});

test("a sync of one's own that fails hands on what is live", async () => {
  const { client, clock, network, texts } = await connected();
  client.follow("lobby", at(1));
  const asked = assert.rejects(client.sync(["lobby"]), { code: "unavailable" });
  await settle();
  await network.last.say("message_received", message(2));
  for (let n = 0; n < 5; n++) {
    assert.deepEqual(texts(), []);
    await network.last.error("sync", "unavailable", true);
    await clock.pass(4_000);
  }
  await asked;
  assert.deepEqual(texts(), ["text 2"]);
  assert.equal(network.sockets.length, 1);
});

test("an event that cannot be handled ends nothing, also not those beside it", async (context) => {
  const logged = context.mock.method(console, "error", () => {});
  const { client, network, texts } = await connected();
  client.follow("lobby", at(0));
  const bad = message(1, { position: 17 });
  const events = [bad, message(2, { position: at(1) })].map((data) => ({ event: "message_received", data }));
  await network.last.sayArray(...events);
  assert.deepEqual(texts(), ["text 2"]);
  assert.equal(logged.mock.callCount(), 1);
});
