// Where the client runs: it needs a WebSocket, timers and the language, and nothing of a browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Tidings } from "../../../clients/js/tidings.js";
import { settle } from "./fakes.mjs";
import { start } from "./world.mjs";

test("without a WebSocket it says which option to set", async () => {
  const { client, network } = start({ system: { WebSocket: undefined } });
  await assert.rejects(client.connect(), { code: "bad_request", message: /pass one as the option WebSocket/ });
  assert.deepEqual([client.state, network.sockets.length], ["closed", 0]);
});

test("a WebSocket is taken as an option", async () => {
  const opened = [];
  const WebSocket = class {
    constructor(...given) {
      opened.push(given);
    }

    close() {}
  };
  const client = new Tidings({ url: "wss://here", api: null, getToken: async () => "a.b.c", WebSocket });
  client.connect().catch(() => {});
  await settle();
  assert.deepEqual(opened, [["wss://here/?arrays=true", ["bearer", "a.b.c"]]]);
  client.close();
});

for (const token of ["a b", "a,b", "ü", { token: "x" }]) {
  test(`what is no JWT is not sent: ${JSON.stringify(token)}`, async () => {
    const { client, network, told } = start({ getToken: async () => token });
    await assert.rejects(client.connect(), { code: "unauthorized", message: "getToken returned something that is no JWT" });
    assert.equal(network.sockets.length, 0);
    assert.equal(told.at(-1)[0], "refused");
  });
}
