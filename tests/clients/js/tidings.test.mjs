// The client of clients/js/tidings.js on fake sockets and a fake clock. Run: node --test
import assert from "node:assert/strict";
import { test } from "node:test";

import { Inbox } from "../../../clients/js/inbox.js";
import { ActionError, Tidings } from "../../../clients/js/tidings.js";
import { Clock, Network, settle } from "./fakes.mjs";

const at = (seq) => `eu:${seq}:M${seq}`;

function message(seq, more = {}) {
  return {
    message_id: `M${seq}`,
    conversation_id: "lobby",
    content: `text ${seq}`,
    is_deleted: false,
    position: at(seq),
    ...more,
  };
}

function page(messages, seq, more = {}) {
  return { conversations: { lobby: { messages, position: at(seq), recovered: true, more: false, ...more } } };
}

/** A client with what it told, in order. */
function start(options = {}) {
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
  client.on("state", ({ state }) => states.push(state));
  const texts = () => told.filter(([name]) => name === "message_received").map(([, data]) => data.content);
  return { clock, network, tokens, client, told, states, texts };
}

async function connected(options = {}) {
  const world = start(options);
  world.client.connect();
  await settle();
  await world.network.last.accept();
  return world;
}

test("it connects with a token, and close ends all of it", async () => {
  const { client, clock, network, states } = await connected();
  assert.equal(network.last.url, "ws://here/ws?token=T1");
  assert.deepEqual(states, ["connecting", "recovering", "online"]);
  client.close();
  assert.equal(network.last.closed, true);
  assert.deepEqual(clock.waits, []);
  await assert.rejects(client.call("hello"), ActionError);
  await assert.rejects(client.send("lobby", "x"), ActionError);
});

test("backoff grows, is jittered, has a limit, and asks for a token each time", async () => {
  const { client, clock, network, tokens } = start();
  const waits = [];
  client.on("state", ({ state, retry_in_ms: ms }) => state === "waiting" && waits.push(ms));
  client.connect();
  await settle();
  for (let n = 0; n < 7; n++) {
    await network.last.end();
    await clock.pass(waits.at(-1));
  }
  assert.deepEqual(waits, [200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.equal(tokens.length, 8);
  network.random = 0.1;
  await network.last.end();
  assert.equal(waits.at(-1), 1000);
  await clock.pass(1000);
  await network.last.accept();
  await network.last.end();
  assert.equal(waits.at(-1), 40, "an open connection starts the count anew");
});

test("a socket that does not open in time is given up", async () => {
  const { client, clock, network } = start();
  client.connect();
  await settle();
  await clock.pass(10_000);
  assert.equal(network.sockets[0].closed, true);
  await clock.pass(200);
  assert.equal(network.sockets.length, 2);
});

test("without a token it ends; a fault of getToken is tried again", async () => {
  const answers = [new Error("no network"), "T2", null];
  const { client, clock, network, told } = start({
    getToken: async () => {
      const next = answers.shift();
      if (next instanceof Error) throw next;
      return next;
    },
  });
  const first = client.connect();
  await clock.pass(200);
  await network.last.accept();
  await first;
  await network.last.end();
  await clock.pass(10_000);
  assert.equal(client.state, "closed");
  assert.deepEqual(told.at(-1), ["refused", { message: "no token" }]);
});

test("answers are matched by id, and errors carry code and retryable", async () => {
  const { client, network } = await connected();
  const one = client.call("hello");
  const two = client.call("typing_start", { conversation_id: "lobby" });
  const refused = assert.rejects(two, { code: "permission_denied", retryable: false });
  await settle();
  await network.last.error("typing_start", "permission_denied", false);
  await network.last.ack("hello", { user_id: "ann" });
  assert.deepEqual(await one, { user_id: "ann" });
  await refused;
});

test("what may be tried again is, under the same id of the message", async () => {
  const { client, clock, network } = await connected();
  const sent = client.send("lobby", "hello");
  await settle();
  await network.last.error("send_message", "unavailable", true);
  await clock.pass(1000);
  const frames = network.last.asked("send_message");
  assert.equal(frames.length, 2);
  assert.notEqual(frames[0].id, frames[1].id);
  assert.deepEqual(frames[0].data, frames[1].data);
  await network.last.ack("send_message", message(1));
  assert.equal((await sent).message_id, "M1");
});

test("an unacked send goes again over the next connection, a queued one after it", async () => {
  const { client, clock, network } = await connected();
  const one = client.send("lobby", "one", { clientMessageId: "c1" });
  const two = client.send("lobby", "two", { clientMessageId: "c2" });
  await settle();
  assert.deepEqual(network.last.asked("send_message").map((f) => f.data.client_message_id), ["c1"]);
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  const again = network.last.asked("send_message");
  assert.deepEqual(again.map((frame) => frame.data.client_message_id), ["c1"]);
  await network.last.ack("send_message", message(1));
  await network.last.ack("send_message", message(2));
  assert.equal((await one).message_id, "M1");
  assert.equal((await two).message_id, "M2");
  assert.equal(network.last.asked("send_message").length, 2);
});

test("a refused send fails and does not hold up the next", async () => {
  const { client, network } = await connected();
  const one = client.send("lobby", "one");
  const two = client.send("lobby", "two");
  await settle();
  const refused = assert.rejects(one, { code: "too_large" });
  await network.last.error("send_message", "too_large", false);
  await refused;
  await network.last.ack("send_message", message(1));
  await two;
});

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
    await network.last.ack("sync", page([message(2)], 2));
    assert.deepEqual(texts(), ["text 2", "text 3"]);
  }
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

test("what this device sends itself was not missed, before its ack and after it", async () => {
  const { client, clock, network, told } = await connected();
  client.follow("lobby", at(1));
  const sent = client.send("lobby", "mine", { clientMessageId: "c1" });
  await settle();
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  await network.last.ack("sync", page([message(2), message(3, { client_message_id: "c1" })], 3));
  assert.equal(told.at(-1)[1].missed, 1);
  await network.last.ack("send_message", message(3));
  await sent;
  const again = client.send("lobby", "again");
  await settle();
  await network.last.ack("send_message", message(4));
  await again;
  await network.last.end();
  await clock.pass(1000);
  await network.last.accept();
  await network.last.ack("sync", page([message(4), message(5)], 5));
  assert.equal(told.at(-1)[1].missed, 1);
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
  assert.deepEqual(texts(), ["text 3", "text 1"]);
  assert.equal(told[0][0], "snapshot");
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

test("an expiring token is renewed once on the open connection", async () => {
  const { network, tokens } = await connected();
  await network.last.say("token_expiring", { expires_at: "soon" });
  await network.last.say("token_expiring", { expires_at: "soon" });
  assert.deepEqual(network.last.asked("refresh_token").map((f) => f.data), [{ token: "T2" }]);
  await network.last.ack("refresh_token", { expires_at: "later" });
  await network.last.say("token_expiring", { expires_at: "later" });
  assert.equal(network.last.asked("refresh_token").length, 2);
  assert.equal(tokens.length, 3);
});

test("a heartbeat every 25 s; a socket that does not answer is left", async () => {
  const { client, clock, network } = await connected();
  await clock.pass(25_000);
  await network.last.ack("ping", { server_time: "now" });
  await clock.pass(25_000);
  assert.equal(network.last.asked("ping").length, 2);
  await clock.pass(8_000);
  assert.equal(network.sockets[0].closed, true);
  assert.equal(client.state, "waiting");
  await clock.pass(1_000);
  assert.equal(network.sockets.length, 2);
});

test("offline ends the socket and all attempts, online connects at once", async () => {
  const { client, clock, network } = await connected();
  const sent = client.send("lobby", "hello");
  await settle();
  network.goOffline();
  assert.equal(network.sockets[0].closed, true);
  assert.equal(client.state, "offline");
  await clock.pass(600_000);
  assert.equal(network.sockets.length, 1);
  network.goOnline();
  await settle();
  await network.last.accept();
  assert.equal(client.state, "online");
  await network.last.ack("send_message", message(1));
  await sent;
});

test("what an abandoned socket still says is not heard", async () => {
  const { network, texts } = await connected();
  const old = network.last;
  network.goOffline();
  await old.say("message_received", message(1));
  assert.deepEqual(texts(), []);
});

test("reconnect is obeyed: the time, the endpoint, and back home when that fails", async () => {
  const { client, clock, network } = await connected();
  await network.last.say("reconnect", { reason: "deploy", after_ms: 1500, endpoint: "https://there" });
  assert.equal(client.state, "waiting");
  await clock.pass(1499);
  assert.equal(network.sockets.length, 1);
  await clock.pass(1);
  assert.equal(network.last.url, "wss://there/ws?token=T2");
  await network.last.end();
  await clock.pass(1000);
  assert.equal(network.last.url, "ws://here/ws?token=T3");
});

test("signals are now or never", async () => {
  const { client, network } = await connected();
  network.goOffline();
  await assert.rejects(client.signal("typing_start", { conversation_id: "lobby" }), { code: "unavailable" });
  network.goOnline();
  await settle();
  await network.last.accept();
  assert.equal(network.last.asked("typing_start").length, 0);
});

test("frames are tapped, and answers timed", async () => {
  const { client, clock, network } = await connected();
  const frames = [];
  const answers = [];
  client.on("frame", (tap) => frames.push([tap.direction, tap.at]));
  client.on("answered", ({ action, ms, ok }) => answers.push([action, ms, ok]));
  const hello = client.call("hello");
  await clock.pass(30);
  await network.last.ack("hello");
  await hello;
  assert.deepEqual(frames, [["out", 0], ["in", 30]]);
  assert.deepEqual(answers, [["hello", 30, true]]);
});

test("a listener that fails ends nothing", async (context) => {
  context.mock.method(console, "error", () => {});
  const { client, network, texts } = await connected();
  client.on("message_received", () => {
    throw new Error("mine");
  });
  await network.last.say("message_received", message(1));
  await network.last.say("message_received", message(2));
  assert.deepEqual(texts(), ["text 1", "text 2"]);
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
