// Sending: acks, resends, what is given up.
import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "./fakes.mjs";
import { at, comeBack, connected, message, page } from "./world.mjs";

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

test("what no frame can carry is refused before it is sent, connected or not", async () => {
  const { client, network, clock } = await connected();
  const letters = "ж".repeat(17_000); // 34,000 bytes
  for (const online of [true, false]) {
    if (!online) network.goOffline();
    await assert.rejects(client.send("lobby", letters), { code: "too_large", retryable: false, message: /32768/ });
    await assert.rejects(client.call("send_message", { content: letters }), { code: "too_large" });
  }
  network.goOnline();
  await settle();
  await network.last.accept();
  await assert.rejects(client.signal("typing_start", { conversation_id: letters }), { code: "too_large" });
  const next = client.send("lobby", "short");
  await settle();
  await network.last.ack("send_message", message(1));
  await next;
  assert.deepEqual(network.sockets.map((each) => each.asked("send_message").length), [0, 1]);
  client.close();
  await clock.pass(0);
});

test("a message that ends every connection is given up, and takes none along", async () => {
  const { client, clock, network } = await connected();
  const bad = client.send("one", "bad", { clientMessageId: "bad" });
  const good = client.send("two", "good", { clientMessageId: "good" });
  const refused = assert.rejects(bad, { code: "unavailable", message: /5 connections in a row/ });
  await settle();
  const sent = () => network.last.asked("send_message").map((frame) => frame.data.client_message_id);
  const left = new Set(["bad", "good"]);
  bad.catch(() => left.delete("bad"));
  good.then(() => left.delete("good"));
  for (let step = 0; left.size > 0 && step < 40; step++) {
    if (sent().includes("bad")) {
      await network.last.end();
      await comeBack({ clock, network });
    } else if (sent().includes("good") && left.has("good")) {
      await network.last.ack("send_message", message(1));
    }
    await settle();
  }
  await refused;
  assert.equal((await good).message_id, "M1");
  const bads = network.sockets.flatMap((each) => each.sent).filter((each) => each.data.client_message_id === "bad");
  assert.equal(bads.length, 5);
});

test("a connection that is silent is not the message's fault", async () => {
  const { client, clock, network } = await connected();
  const sent = client.send("lobby", "hello");
  for (let n = 0; n < 7; n++) {
    await settle();
    await clock.pass(33_000); // a heartbeat, and its time for an answer
    assert.equal(network.last.closed, true);
    await comeBack({ clock, network });
  }
  await clock.pass(6_000);
  await network.last.ack("send_message", message(1));
  await sent;
});
