// The vectors that the clients of all languages share: clients/vectors.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { backoff } from "../../../clients/js/backoff.js";
import { Inbox } from "../../../clients/js/inbox.js";
import { Outbox, QUEUE } from "../../../clients/js/outbox.js";
import { Regions } from "../../../clients/js/regions.js";
import { syncable } from "../../../clients/js/sizes.js";
import { settle } from "./fakes.mjs";
import { comeBack, connected, message } from "./world.mjs";

function vectors(name) {
  const url = new URL(`../../../clients/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8"));
}

const cases = (name) => vectors(name).cases;

test("backoff", () => {
  for (const each of cases("backoff")) {
    const times = { pause: each.pause, longestPause: each.longest_pause };
    assert.equal(backoff(each.attempt, times, each.share), each.wait, JSON.stringify(each));
  }
});

for (const { name, steps } of cases("positions")) {
  test(`positions: ${name}`, () => {
    const inbox = new Inbox(() => {});
    for (const step of steps) {
      if ("follow" in step) inbox.follow("lobby", step.follow);
      if ("start" in step) inbox.start("lobby", step.start);
      if ("have" in step) inbox.have("lobby", step.have);
      if ("page" in step) inbox.page("lobby", { messages: [], recovered: true, more: false, ...step.page });
      assert.equal(inbox.positions().lobby, step.position, JSON.stringify(step));
      assert.equal(inbox.withHoles().length > 0, step.holes, JSON.stringify(step));
    }
  });
}

for (const { name, steps } of cases("regions")) {
  test(`regions: ${name}`, () => {
    const { home, answers } = vectors("regions");
    const regions = new Regions(home.url, home.api);
    const answer = (of) => (typeof of === "string" ? answers[of] : of);
    for (const step of steps) {
      if ("learn" in step) assert.ok(regions.learn(answer(step.learn)));
      if ("direct" in step) regions.direct(step.direct);
      if ("opened" in step) regions.opened();
      if ("failed" in step) assert.equal(regions.failed(), step.look, JSON.stringify(step));
      if ("asks" in step) assert.deepEqual(regions.asks(), step.asks, JSON.stringify(step));
      if ("move" in step) regions.move(answer(step.move));
      assert.equal(regions.url, step.url, JSON.stringify(step));
    }
  });
}

for (const { name, unit, times, frame } of cases("sizes")) {
  test(`sizes: ${name}`, async () => {
    const { client, network } = await connected();
    const sent = client.send("lobby", unit.repeat(times));
    sent.catch(() => {});
    await settle();
    assert.equal(network.last.asked("send_message").length, frame ? 1 : 0);
    if (!frame) await assert.rejects(sent, { code: "too_large", retryable: false });
  });
}

for (const { name, steps, ...limits } of cases("queue")) {
  test(`queue: ${name}`, () => {
    const outbox = new Outbox(limits);
    for (const { add, taken, remove } of steps) {
      if (remove !== undefined) outbox.remove(remove);
      else if (taken) outbox.add(add);
      else assert.throws(() => outbox.add(add), { code: "queue_full", retryable: true });
    }
  });
}

test("queue: the limits of a client that sets none", () => assert.deepEqual(QUEUE, vectors("queue").default));

test("sizes: a sync names as many conversations as a frame carries", () => {
  const short = Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`room-${n}`, `eu:${n}:M`]));
  assert.equal(Object.keys(syncable(short)).length, 100);
  const long = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`room-${n}`, "ж".repeat(1_000)]));
  const chosen = syncable(long);
  assert.ok(Object.keys(chosen).length > 1);
  assert.ok(new TextEncoder().encode(JSON.stringify(chosen)).length < 32_000);
  assert.deepEqual(syncable({ one: "x".repeat(100_000) }), { one: "x".repeat(100_000) });
});

for (const { name, outcomes, result, others = 0 } of cases("resend")) {
  test(`resend: ${name}`, async () => {
    const world = await connected();
    const { client, clock, network } = world;
    const sent = client.send("lobby", "hello", { clientMessageId: "c1" });
    const settled = sent.then(() => "ack", (error) => error.code);
    for (let n = 0; n < others; n++) client.call("hello").catch(() => {});
    await settle();
    const frames = () => network.sockets.flatMap((socket) => socket.asked("send_message"));
    for (const [index, outcome] of outcomes.entries()) {
      for (let step = 0; frames().length <= index && step < 200; step++) {
        await clock.pass(100);
        const waits = network.last.asked("hello").length > 0;
        if (waits && index > 0 && !network.last.asked("send_message").length) await network.last.ack("hello");
      }
      assert.equal(frames().length, index + 1, "sent once for each outcome");
      const ends = outcome.close !== undefined || outcome.error === "unauthorized";
      if (outcome === "ack") await network.last.ack("send_message", message(1));
      else if (outcome.error) {
        const more = outcome.retry_after_ms ? { retry_after_ms: outcome.retry_after_ms } : {};
        await network.last.error("send_message", outcome.error, outcome.retryable, more);
      }
      else await network.last.end(outcome.close);
      if (ends && client.state === "waiting") await comeBack(world);
    }
    assert.equal(await settled, result);
    await clock.pass(60_000);
    assert.equal(frames().length, outcomes.length, "and not once more");
    assert.deepEqual([...new Set(frames().map((frame) => frame.data.client_message_id))], ["c1"]);
    client.close();
  });
}
