// What was missed, holes, rooms.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Inbox } from "../../../clients/js/inbox.js";
import { settle } from "./fakes.mjs";
import { at, connected, message, page } from "./world.mjs";

test("missed messages come in order, page by page, before what is live", async () => {
  const { client, clock, network, texts, told } = await connected();
  client.follow("lobby", at(1));
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  const socket = network.last;
  assert.deepEqual(socket.asked("sync")[0].data.positions, { lobby: at(1) });
  await socket.say("message_received", message(5));
  await socket.ack("sync", page([message(2), message(3)], 3, { more: true }));
  assert.deepEqual(socket.asked("sync")[1].data.positions, { lobby: at(3) });
  assert.equal(client.state, "recovering");
  await socket.ack("sync", page([message(4), message(5)], 5));
  assert.deepEqual(texts(), ["text 2", "text 3", "text 4", "text 5"]);
  assert.equal(client.state, "online");
  const { missed, first } = told.at(-1)[1];
  assert.deepEqual([told.at(-1)[0], missed, first], ["recovery", 4, false]);
});

test("what is live on a new connection waits, though the recovery of the last one has not ended", async () => {
  for (const options of [{}, { followAll: true }]) {
    const { client, clock, network, texts } = await connected(options);
    client.follow("lobby", at(1));
    if (!options.followAll) client.sync(["lobby"]).catch(() => {});
    await settle();
    await network.last.error("sync", "unavailable", true); // it pauses before another try
    network.random = 0; // and the next connection is there first
    await network.last.end();
    while (network.sockets.length < 2) await clock.pass(0);
    await network.last.accept();
    assert.equal(network.last.asked("sync").length, 0);
    await network.last.say("message_received", message(3));
    assert.deepEqual(texts(), []);
    await clock.pass(1000);
    if (options.followAll) await network.last.ack("sync", page([], 1)); // which rooms there are
    await network.last.ack("sync", page([message(2)], 2));
    assert.deepEqual(texts(), ["text 2", "text 3"]);
  }
});

test("several events in one message are taken in order", async () => {
  const { client, network, texts } = await connected();
  client.follow("lobby", at(1));
  const frames = [];
  client.on("frame", ({ direction, frame }) => direction === "in" && frames.push(frame.event));
  const events = [2, 3, 4].map((seq) => ({ event: "message_received", data: message(seq) }));
  await network.last.sayArray(...events, null, { event: "typing" });
  assert.deepEqual(texts(), ["text 2", "text 3", "text 4"]);
  assert.deepEqual(frames, [...Array(3).fill("message_received"), "typing"]);
});

test("of a conversation that is forgotten meanwhile nothing waits", async () => {
  const { client, clock, network, texts } = await connected();
  client.follow("lobby", at(1));
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  client.forget("lobby");
  await network.last.say("message_received", message(2));
  assert.deepEqual(texts(), ["text 2"]);
});

test("what comes twice is shown once, its deletion as well", async () => {
  const { client, network, told, texts } = await connected();
  client.follow("lobby", at(0));
  await network.last.say("message_received", message(1));
  await network.last.say("message_received", message(1));
  const deletion = { message_id: "M1", conversation_id: "lobby", position: at(2) };
  await network.last.say("message_deleted", deletion);
  await network.last.say("message_deleted", deletion);
  assert.deepEqual(texts(), ["text 1"]);
  assert.equal(told.filter(([name]) => name === "message_deleted").length, 1);
});

test("a late push does not bring back a deleted message", async () => {
  const { client, network, texts } = await connected();
  client.follow("lobby", at(0));
  const deletion = { message_id: "M1", conversation_id: "lobby", position: at(2) };
  await network.last.say("message_deleted", deletion);
  await network.last.say("message_received", message(1));
  assert.deepEqual(texts(), []);
  await network.last.say("message_received", message(3, { content: null, is_deleted: true }));
  await network.last.say("message_received", message(3));
  assert.deepEqual(texts(), [null]);
});

test("not recovered: a snapshot replaces, and what is live follows it", async () => {
  const { client, clock, network, told } = await connected();
  client.follow("lobby", at(9));
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  await network.last.say("message_received", message(4));
  await network.last.ack("sync", page([message(2), message(3)], 3, { recovered: false }));
  assert.deepEqual(told.map(([name]) => name), ["recovery", "snapshot", "recovered", "message_received", "recovery"]);
  assert.deepEqual(told[1][1].messages.map((each) => each.message_id), ["M2", "M3"]);
  assert.equal(told[2][1].recovered, false);
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  assert.deepEqual(network.last.asked("sync")[0].data.positions, { lobby: at(4) });
});

test("followAll begins with all conversations and loses nothing that is live meanwhile", async () => {
  const { client, network, told, texts } = await connected({ followAll: true });
  assert.deepEqual(network.last.asked("sync")[0].data.positions, {});
  await network.last.say("message_received", message(3));
  await network.last.say("message_received", message(1, { conversation_id: "new" }));
  await network.last.ack("sync", page([message(2)], 2, { recovered: false }));
  assert.deepEqual(texts(), ["text 3"]);
  assert.equal(told[0][0], "snapshot");
  assert.deepEqual(network.last.asked("sync")[1].data.positions, { new: "" }, "it was not among them");
  assert.equal(client.follows("lobby") && client.follows("new"), true);
});

test("followAll takes page after page of its conversations", async () => {
  const { client, network, texts } = await connected({ followAll: true });
  await network.last.ack("sync", { ...page([message(2)], 2, { more: true }), after_room: "lobby" });
  assert.deepEqual(network.last.asked("sync")[1].data, { positions: {}, after_room: "lobby" });
  await network.last.say("message_received", message(1, { conversation_id: "third" }));
  assert.deepEqual(texts(), ["text 2"], "what is live waits until all were asked for");
  const { conversations } = page([message(1)], 1);
  await network.last.ack("sync", { conversations: { other: conversations.lobby }, after_room: null });
  assert.deepEqual(network.last.asked("sync")[2].data, { positions: { lobby: at(2) } });
  await network.last.ack("sync", page([message(3)], 3));
  assert.equal(client.state, "online");
  assert.deepEqual(["lobby", "other", "third"].map((each) => client.follows(each)), [true, true, true]);
});

test("a sync that is refused for good does not stop the client", async () => {
  const { client, clock, network, told } = await connected();
  client.follow("lobby", at(1));
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  await network.last.error("sync", "bad_request", false);
  assert.equal(client.state, "online");
  assert.equal(told[1][1].error.code, "bad_request");
});

test("a sync that is refused for its rate waits as long as it is told, however often", async () => {
  const { client, clock, network } = await connected();
  client.follow("lobby", at(1));
  const recovered = client.sync(["lobby"]);
  await settle();
  for (let times = 1; times <= 8; times++) {
    assert.equal(network.last.asked("sync").length, times);
    await network.last.error("sync", "rate_limited", true, { retry_after_ms: 2_000 });
    await clock.pass(1_900);
    assert.equal(network.last.asked("sync").length, times, "not yet");
    await clock.pass(200);
  }
  await network.last.ack("sync", page([message(2)], 2));
  await recovered;
});

test("a join that is refused for its rate after a reconnect waits, and keeps the connection", async () => {
  const { client, clock, network } = await connected();
  const joining = client.join("lobby");
  await settle();
  await network.last.ack("join_room", { room_id: "lobby", position: at(4) });
  await joining;
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  const kept = network.last;
  await kept.ack("sync", page([], 4));
  for (let times = 1; times <= 3; times++) {
    assert.equal(kept.asked("join_room").length, times);
    await kept.error("join_room", "rate_limited", true, { retry_after_ms: 2_000 });
    await clock.pass(2_100);
  }
  await kept.ack("join_room", { room_id: "lobby", position: at(4) });
  assert.equal(network.last, kept);
  assert.equal(client.state, "online");
});

test("a connection whose recovery has no answer is replaced", async () => {
  const { client, clock, network } = await connected();
  client.follow("lobby", at(1));
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  const deaf = network.last;
  await clock.pass(120_000);
  assert.equal(deaf.closed, true);
  assert.notEqual(network.last, deaf);
});

test("a hole between live messages is asked for when it stays", async () => {
  const { client, clock, network, texts } = await connected();
  client.follow("lobby", at(1));
  await network.last.say("message_received", message(3));
  await clock.pass(2_999);
  assert.equal(network.last.asked("sync").length, 0);
  await clock.pass(1);
  assert.deepEqual(network.last.asked("sync")[0].data.positions, { lobby: at(1) });
  await network.last.ack("sync", page([message(2), message(3)], 3));
  assert.deepEqual(texts(), ["text 3", "text 2"]);
});

test("rooms are joined again; one that is closed to us is forgotten", async () => {
  const { client, clock, network } = await connected();
  const joining = client.join("lobby");
  await settle();
  await network.last.ack("join_room", { room_id: "lobby", position: at(4) });
  await joining;
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  assert.deepEqual(network.last.asked("sync")[0].data.positions, { lobby: at(4) });
  await network.last.ack("sync", page([], 4));
  assert.deepEqual(network.last.asked("join_room")[0].data, { room_id: "lobby" });
  await network.last.error("join_room", "permission_denied", false);
  assert.equal(client.state, "online");
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  await network.last.ack("sync", page([], 4));
  assert.equal(network.last.asked("join_room").length, 0);
});

test("positions of several regions; a conversation closed to us is not asked for again", () => {
  const told = [];
  const inbox = new Inbox((name, data) => told.push([name, data]));
  inbox.follow("lobby", "us:4:U4,eu:7:E7");
  assert.deepEqual(inbox.positions(), { lobby: "eu:7:E7,us:4:U4" });
  inbox.take("message_received", message(6, { position: "us:6:U6", message_id: "U6" }));
  assert.deepEqual(inbox.withHoles(), ["lobby"]);
  assert.deepEqual(inbox.positions(), { lobby: "eu:7:E7,us:4:U4" });
  inbox.begin(["lobby"]);
  const error = { code: "permission_denied", message: "not a member" };
  const part = { messages: [], position: "us:4:U4", recovered: false, more: false, error };
  assert.equal(inbox.page("lobby", part), null);
  assert.deepEqual(inbox.positions(), {});
  assert.deepEqual(told.at(-1)[1].error, error);
});
