// The client needs a WebSocket, timers and the language, and nothing of a browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";

import { settle } from "../fakes.mjs";
import { bundle } from "./packages.mjs";

test("it works where only the language, timers and a WebSocket are, as in React Native", async () => {
  let socket;
  const WebSocket = class {
    sent = [];

    constructor() {
      socket = this;
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close() {}
  };
  const context = vm.createContext({ WebSocket, setTimeout, clearTimeout, console });
  for (const name of ["URL", "TextEncoder", "crypto", "EventTarget", "performance", "fetch", "addEventListener"]) {
    assert.equal(vm.runInContext(`typeof ${name}`, context), "undefined");
  }
  vm.runInContext(await bundle('export { Tidings, newId } from "./tidings.js"', { format: "iife", globalName: "client" }), context);
  const { client, newId } = vm.runInContext("({ client: new client.Tidings({ url: 'wss://here/ws', getToken: async () => 'T' }), newId: client.newId })", context);
  const connecting = client.connect();
  await settle();
  socket.onopen({});
  await connecting;
  const sending = client.send("lobby", "hé 😀");
  await settle();
  const [{ id, data }] = socket.sent;
  socket.onmessage({ data: JSON.stringify({ event: "ack", id, data: { ...data, message_id: "M1", position: "eu:1:M1" } }) });
  assert.equal((await sending).message_id, "M1");
  await assert.rejects(client.send("lobby", "😀".repeat(9_000)), { code: "too_large" });
  assert.match(data.client_message_id, /^[0-9a-f]{32}$/);
  assert.notEqual(newId(), newId());
  client.close();
});
