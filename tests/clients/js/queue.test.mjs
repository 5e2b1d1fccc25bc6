// Messages that wait: how many, how long, and what becomes of those that no longer may.
import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "./fakes.mjs";
import { connected, message, start } from "./world.mjs";

const DAY = 86_400_000;

test("messages wait while offline, and are sent in order; what the limits refuse says so", async () => {
  const { client, clock, network } = await connected({ queue: { messages: 3 } });
  network.goOffline();
  const sent = ["one", "two", "three"].map((text) => client.send("lobby", text));
  await assert.rejects(client.send("lobby", "four"), {
    code: "queue_full",
    retryable: true,
    message: /not sent: 3 messages \(\d+ bytes\) wait for their acks, the limit is 3 messages and 4194304 bytes/,
  });
  await clock.pass(3_600_000);
  network.goOnline();
  await settle();
  await network.last.accept();
  for (const seq of [1, 2, 3]) await network.last.ack("send_message", message(seq));
  assert.deepEqual((await Promise.all(sent)).map((ack) => ack.message_id), ["M1", "M2", "M3"]);
  const contents = network.last.asked("send_message").map((frame) => frame.data.content);
  assert.deepEqual(contents, ["one", "two", "three"]);
  const next = client.send("lobby", "five");
  await settle();
  await network.last.ack("send_message", message(4));
  await next;
});

test("the limit in bytes counts the frames", async () => {
  const { client, network } = await connected({ queue: { bytes: 40_000 } });
  network.goOffline();
  const held = client.send("lobby", "ж".repeat(10_000));
  held.catch(() => {});
  await assert.rejects(client.send("other", "ж".repeat(10_000)), { code: "queue_full" });
  const small = client.send("other", "x");
  client.close();
  await assert.rejects(held, { message: "the client was closed" });
  await assert.rejects(small, { message: "the client was closed" });
});

test("a message is given up after a day: then the server may not know it any more", async () => {
  const { client, clock, network } = await connected();
  network.goOffline();
  const waits = assert.rejects(client.send("lobby", "old"), { code: "unavailable", message: /this device is offline/ });
  await clock.pass(DAY - 1);
  const late = client.send("lobby", "new");
  await clock.pass(1);
  await waits;
  network.goOnline();
  await settle();
  await network.last.accept();
  assert.deepEqual(network.last.asked("send_message").map((frame) => frame.data.content), ["new"]);
  await network.last.ack("send_message", message(1));
  await late;
});

test("a call without a connection is rejected in time, with the reason", async () => {
  const { client, clock, network } = await connected();
  network.goOffline();
  const refused = assert.rejects(client.call("hello"), { code: "unavailable", message: /after 60 s: this device is offline/ });
  await clock.pass(60_000);
  await refused;
});

test("a call that is refused for its rate again and again is rejected in time", async () => {
  const { client, clock, network } = await connected({ times: { ping: 3_600_000 } });
  let end = null;
  client.call("hello").catch((error) => (end = error));
  for (let n = 0; end === null && n < 20; n++) {
    await settle();
    await network.last.error("hello", "rate_limited", true, { retry_after_ms: 7_000 });
    await clock.pass(7_000);
  }
  assert.equal(end.code, "rate_limited");
  assert.ok(clock.ms <= 70_000, `after ${clock.ms} ms`);
});

test("close settles what waits before another attempt, at once", async () => {
  const { client, network } = await connected();
  const calls = [client.call("hello"), client.send("lobby", "x"), client.signal("ping"), client.sync(["lobby"])];
  const ends = Promise.allSettled(calls);
  await settle();
  await network.last.error("hello", "rate_limited", true, { retry_after_ms: 3_600_000 });
  await network.last.error("send_message", "rate_limited", true, { retry_after_ms: 3_600_000 });
  client.close();
  const states = (await ends).map(({ status, reason }) => reason?.code ?? status);
  assert.deepEqual(states, ["unavailable", "unavailable", "unavailable", "fulfilled"]);
});

test("before connect, and after close, every call settles", async () => {
  const { client, clock } = start();
  const early = [client.call("hello"), client.join("lobby"), client.leave("lobby")].map((call) => assert.rejects(call));
  await assert.rejects(client.signal("ping"), { code: "unavailable" });
  await clock.pass(60_000);
  await Promise.all(early);
  client.close();
  for (const call of ["connect", "call", "send", "join", "leave", "signal"]) {
    await assert.rejects(client[call]("x", "y"), { code: "unavailable" }, call);
  }
});

test("close leaves no timer behind, also while a connection is being opened", async () => {
  const { client, clock, network } = start();
  client.connect();
  await settle();
  assert.equal(network.sockets.length, 1);
  client.close();
  await settle();
  assert.deepEqual(clock.waits, []);
});
