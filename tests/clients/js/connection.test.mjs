// Connections: opening, tokens, heartbeats, coming again.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ActionError } from "../../../clients/js/tidings.js";
import { settle } from "./fakes.mjs";
import { at, comeBack, connected, message, page, start } from "./world.mjs";

test("it connects with a token, and close ends all of it", async () => {
  const { client, clock, network, states } = await connected();
  assert.equal(network.last.url, "ws://here/ws?arrays=true");
  assert.deepEqual(network.last.protocols, ["bearer", "T1"], "the token is in no URL");
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
  assert.equal(waits.at(-1), 1000, "an open connection alone does not start the count anew");
  await clock.pass(1000);
  await network.last.accept();
  client.call("hello");
  await settle();
  await network.last.ack("hello");
  await network.last.end();
  assert.equal(waits.at(-1), 40, "one that was of use does");
});

test("a connection that ends in its recovery does not start the count anew, though it had an ack", async () => {
  const { client, clock, network } = await connected();
  client.follow("lobby", at(1));
  const waits = [];
  client.on("state", ({ state, retry_in_ms: ms }) => state === "waiting" && waits.push(ms));
  for (let n = 0; n < 4; n++) {
    await network.last.end();
    await comeBack({ clock, network });
    await network.last.ack("sync", page([message(n + 2)], n + 2, { more: true }));
  }
  assert.deepEqual(waits, [200, 400, 800, 1600]);
});

for (const url of ["here/ws", "", undefined, "ftp://here/ws", "ws://", "ws://here:99999/ws"]) {
  test(`a URL that is none ends it with a reason: ${url}`, async () => {
    const { client, network, states, reasons } = start({ url });
    await assert.rejects(client.connect(), { code: "bad_request", retryable: false });
    await assert.rejects(client.send("lobby", "x"), { code: "bad_request" });
    assert.deepEqual(states, ["closed"]);
    assert.match(reasons[0].message, /is not the URL of a WebSocket/);
    assert.deepEqual(client.reason, reasons[0]);
    assert.equal(network.sockets.length, 0);
  });
}

test("an http URL is taken as that of a WebSocket", async () => {
  const { network } = await connected({ url: "https://here/ws" });
  assert.equal(network.last.url, "wss://here/ws?arrays=true");
});

test("an address that the browser refuses ends it with a reason", async () => {
  const WebSocket = class {
    constructor() {
      throw new Error("mixed content");
    }
  };
  const { client } = start({ system: { WebSocket } });
  await assert.rejects(client.connect(), { code: "bad_request", message: /mixed content/ });
  assert.equal(client.state, "closed");
});

test("without an open connection connect rejects in time, says why, and goes on", async () => {
  const { client, clock, network, reasons } = start();
  const refused = assert.rejects(client.connect(), { code: "unavailable", message: /after 30 s.*close code 1006/ });
  for (let n = 0; clock.ms < 30_000; n++) {
    await settle();
    await network.last.end();
    await clock.pass(1_000);
  }
  await refused;
  assert.match(reasons[0].message, /no connection to ws:\/\/here\/ws \(close code 1006\): check the address/);
  assert.doesNotMatch(JSON.stringify(reasons), /T1/, "no token in it");
  await comeBack({ clock, network });
  await client.connect();
  assert.equal(client.reason, null);
});

test("a getToken that throws, or never answers, is the reason", async () => {
  const answers = [
    () => {
      throw new Error("no session");
    },
    () => new Promise(() => {}),
    async () => "T3",
  ];
  const { client, clock, network, reasons } = start({ getToken: () => answers.shift()() });
  const first = client.connect();
  await settle();
  assert.deepEqual(reasons, [{ code: "unavailable", message: "getToken failed: no session" }]);
  await clock.pass(200 + 10_000);
  assert.equal(reasons[1].message, "getToken failed: no answer within 10 s");
  await clock.pass(400);
  await network.last.accept();
  await first;
});

test("a getToken that always throws rejects connect", async () => {
  const { client, clock } = start({ getToken: () => Promise.reject(new Error("no session")) });
  const refused = assert.rejects(client.connect(), { message: /getToken failed: no session/ });
  await clock.pass(30_000);
  await refused;
});

test("offline, connect rejects in time with that reason", async () => {
  const { client, clock, network } = start();
  network.offline = true;
  const refused = assert.rejects(client.connect(), { message: /this device is offline/ });
  await clock.pass(30_000);
  await refused;
  network.goOnline();
  await settle();
  await network.last.accept();
  assert.equal(client.state, "online");
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
  assert.deepEqual(told.at(-1), ["refused", { message: "getToken returned no token" }]);
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

test("a heartbeat that is refused is no answer", async () => {
  const { clock, network, reasons } = await connected();
  for (let n = 0; n < 2; n++) {
    await clock.pass(25_000);
    await network.sockets[0].error("ping", "unavailable", true);
    assert.equal(network.sockets[0].closed, n === 1);
  }
  assert.match(reasons[0].message, /the heartbeat had no answer/);
});

test("an answer in between counts, and so does too many requests", async () => {
  const { clock, network } = await connected();
  for (const code of ["internal", null, "internal", "rate_limited", "internal"]) {
    await clock.pass(25_000);
    if (code) await network.last.error("ping", code, true);
    else await network.last.ack("ping");
  }
  assert.equal(network.sockets.length, 1);
  assert.equal(network.last.closed, false);
});

test("a refusal that does not know the connection ends it at once", async () => {
  const { client, clock, network, reasons } = await connected();
  await clock.pass(25_000);
  await network.last.error("ping", "unauthorized", false);
  assert.equal(network.sockets[0].closed, true);
  assert.equal(client.state, "waiting");
  assert.equal(reasons[0].code, "unauthorized");
  await comeBack({ clock, network });
  assert.equal(client.state, "online");
});

test("a fresh token that is refused leaves the connection alone", async () => {
  const { network } = await connected();
  await network.last.say("token_expiring", { expires_at: "soon" });
  await network.last.error("refresh_token", "unauthorized", false);
  assert.equal(network.last.closed, false);
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
  assert.equal(network.last.url, "wss://there/ws?arrays=true");
  assert.deepEqual(network.last.protocols, ["bearer", "T2"]);
  await network.last.end();
  await clock.pass(1000);
  assert.equal(network.last.url, "ws://here/ws?arrays=true");
  assert.deepEqual(network.last.protocols, ["bearer", "T3"]);
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
