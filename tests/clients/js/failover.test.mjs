// The client moves to another region, and recovers there.
import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "./fakes.mjs";
import { at, comeBack, connected, message, page, start } from "./world.mjs";

const HERE = { region: "us-east-1", url: "ws://here/ws", api: "http://here" };
const THERE = { region: "eu-west-1", url: "ws://there/ws", api: "http://there" };

/** APIs that answer that these regions are healthy; `down` has those that do not answer. */
class Apis {
  down = new Set();
  asked = [];
  late = Promise.resolve(); // before each answer

  constructor(...healthy) {
    this.healthy = healthy;
  }

  fetch = async (url, { headers }) => {
    const api = url.replace("/v1/endpoint", "");
    this.asked.push([api, headers.Authorization]);
    await this.late;
    if (this.down.has(api)) throw new TypeError("fetch failed");
    const [best, ...fallbacks] = this.healthy;
    return { ok: true, json: async () => ({ ...best, shard: "ws-0", fallbacks }) };
  };
}

async function inTheFirst(apis, options = {}) {
  const world = await connected({ system: { fetch: apis.fetch }, ...options });
  const moved = [];
  world.client.on("moved", ({ url }) => moved.push(url));
  world.client.follow("lobby", at(1));
  await settle();
  return { ...world, moved };
}

const host = (socket) => new URL(socket.url).host;

test("the regions are learned once, where the client is", async () => {
  const apis = new Apis(HERE, THERE);
  const world = start({ system: { fetch: apis.fetch } });
  const told = [];
  world.client.on("regions", ({ urls, names }) => told.push([urls, names]));
  world.client.connect();
  await settle();
  await world.network.last.accept();
  await settle();
  await world.network.last.end();
  await comeBack(world);
  await settle();
  assert.deepEqual(apis.asked, [["http://here", "Bearer T1"]]);
  assert.deepEqual(told, [[[HERE.url, THERE.url], ["us-east-1", "eu-west-1"]]]);
  assert.equal(world.client.url, HERE.url);
});

test("a drained region is left for the one that it names, and recovery goes on there", async () => {
  const { client, clock, network, moved, texts } = await inTheFirst(new Apis(HERE, THERE));
  await network.last.say("reconnect", { reason: "draining", after_ms: 500, endpoint: THERE.url });
  await clock.pass(500);
  assert.equal(host(network.last), "there");
  await network.last.accept();
  assert.deepEqual(network.last.asked("sync")[0].data, { positions: { lobby: at(1) } });
  await network.last.ack("sync", page([message(2)], 2));
  assert.deepEqual(texts(), ["text 2"]);
  assert.deepEqual([client.state, client.url, moved], ["online", THERE.url, [THERE.url]]);
});

test("a user chooses another region, and recovery goes on there", async () => {
  const { client, network, moved, texts, clock } = await inTheFirst(new Apis(HERE, THERE));
  const left = network.last;
  client.moveTo(THERE.url);
  await clock.pass(0);
  assert.equal(left.closed, true);
  assert.equal(host(network.last), "there");
  await network.last.accept();
  await network.last.ack("sync", page([message(2)], 2));
  assert.deepEqual([client.state, client.url, moved, texts()], ["online", THERE.url, [THERE.url], ["text 2"]]);
});

test("a chosen region that does not answer is left for the one before", async () => {
  const apis = new Apis(HERE, THERE);
  const world = await inTheFirst(apis);
  world.client.moveTo(THERE.url);
  await world.clock.pass(0);
  const asked = apis.asked.length;
  await world.network.last.end();
  await comeBack(world);
  assert.equal(host(world.network.last), "here");
  assert.deepEqual(world.moved, [THERE.url, HERE.url]);
  assert.equal(apis.asked.length, asked);
});

test("a user chooses while the client waits: the wait is over", async () => {
  const { client, network } = await inTheFirst(new Apis(HERE, THERE));
  await network.last.end();
  assert.equal(client.state, "waiting");
  client.moveTo(THERE.url);
  await settle();
  assert.equal(host(network.last), "there");
});

test("a user chooses while the client looks for a region: the choice holds", async () => {
  const apis = new Apis(HERE, THERE);
  const { client, clock, network } = await inTheFirst(apis);
  await network.last.end();
  for (let n = 0; n < 2; n++) {
    await clock.pass(1_000);
    await network.last.end();
  }
  let answer;
  apis.late = new Promise((resolve) => (answer = resolve));
  apis.healthy = [HERE];
  const sockets = network.sockets.length;
  await clock.pass(2_000);
  assert.equal(network.sockets.length, sockets); // it asks
  client.moveTo(THERE.url);
  answer();
  await settle();
  assert.equal(host(network.last), "there");
});

test("only a known region can be chosen", async () => {
  const { client, network, moved } = await inTheFirst(new Apis(HERE, THERE));
  assert.throws(() => client.moveTo("ws://nowhere/ws"), { code: "bad_request" });
  client.moveTo(HERE.url);
  await settle();
  assert.deepEqual([client.state, host(network.last), moved], ["online", "here", []]);
});

test("a lost region is left after two failures, for one that another API names", async () => {
  const apis = new Apis(HERE, THERE);
  const world = await inTheFirst(apis);
  const { clock, network, moved } = world;
  apis.down.add("http://here");
  apis.healthy = [THERE];
  await network.last.end();
  for (let n = 0; n < 2; n++) {
    await clock.pass(1_000);
    assert.equal(host(network.last), "here");
    await network.last.end();
  }
  await comeBack(world);
  assert.equal(host(network.last), "there");
  assert.deepEqual(moved, [THERE.url]);
  assert.equal(apis.asked.at(-1)[0], "http://there");
});

test("without any answer the known regions are tried in turn", async () => {
  const apis = new Apis(HERE, THERE);
  const { clock, network, moved } = await inTheFirst(apis);
  apis.down = new Set(["http://here", "http://there"]);
  await network.last.end();
  for (let n = 0; n < 2; n++) {
    await clock.pass(1_000);
    await network.last.end();
  }
  await clock.pass(5_000);
  assert.equal(host(network.last), "there");
  assert.deepEqual(moved, [THERE.url]);
});

test("an API that hangs holds up an attempt for three seconds", async () => {
  const { clock, network } = await connected({
    system: { fetch: () => new Promise(() => {}) },
  });
  await settle();
  await network.last.end();
  for (let n = 0; n < 2; n++) {
    await clock.pass(1_000);
    await network.last.end();
  }
  const before = network.sockets.length;
  await clock.pass(2_900);
  assert.equal(network.sockets.length, before);
  await clock.pass(2_000);
  assert.equal(network.sockets.length, before + 1);
});

test("what happens while the device is offline is no failure of the region", async () => {
  const { network, moved } = await inTheFirst(new Apis(HERE, THERE));
  for (let n = 0; n < 5; n++) {
    network.goOffline();
    network.goOnline();
    await settle();
  }
  assert.deepEqual(moved, []);
  assert.equal(host(network.last), "here");
});

test("a client that is told to stay asks nobody", async () => {
  const apis = new Apis(HERE, THERE);
  const { clock, network } = await inTheFirst(apis, { api: null });
  await network.last.end();
  for (let n = 0; n < 6; n++) {
    await clock.pass(20_000);
    await network.last.end();
  }
  assert.deepEqual(apis.asked, []);
  assert.ok(network.sockets.every((socket) => host(socket) === "here"));
});
