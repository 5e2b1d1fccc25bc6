// terraform/modules/edge/function.js under Node: `node --test tests/edge/function.test.mjs`.

import assert from "node:assert/strict";
import test from "node:test";

import { WEBSOCKETS, deploy } from "./function.mjs";

const one = deploy(WEBSOCKETS[1]);
const three = deploy(WEBSOCKETS[3]);
const where = ({ origin, path }) => [origin, path];

test("the JSON websocket goes to the WebSocket API, at its stage", () => {
  assert.deepEqual(where(one("/ws?token=t")), ["websocket-0", "/prod"]);
  assert.deepEqual(where(one("/ws/?token=t")), ["websocket-0", "/prod"]);
});

test("a shard's path goes to that shard", () => {
  assert.deepEqual(where(three("/ws")), ["websocket-0", "/ws-0"]);
  assert.deepEqual(where(three("/ws-0")), ["websocket-0", "/ws-0"]);
  assert.deepEqual(where(three("/ws-2?token=t")), ["websocket-2", "/ws-2"]);
  assert.deepEqual(where(three("/ws-3")), ["http", "/ws-3"]);
});

test("Socket.IO's transport decides between the APIs", () => {
  assert.equal(one("/socket.io/?EIO=4&transport=websocket&sid=s").origin, "websocket-0");
  assert.deepEqual(where(one("/socket.io/?EIO=4&transport=polling")), ["http", "/socket.io"]);
  assert.deepEqual(where(one("/socket.io/")), ["http", "/socket.io"]);
});

test("of a parameter given twice the last counts, as for the functions behind", () => {
  const twice = (a, b) => one(`/socket.io/?transport=${a}&EIO=4&transport=${b}`).origin;
  assert.equal(twice("polling", "websocket"), "websocket-0");
  assert.equal(twice("websocket", "polling"), "http");
});

test("the HTTP API gets paths without a slash at their end", () => {
  assert.deepEqual(where(one("/v1/rooms")), ["http", "/v1/rooms"]);
  assert.deepEqual(where(one("/v1/rooms/")), ["http", "/v1/rooms"]);
  assert.deepEqual(where(one("/")), ["http", "/"]);
  assert.deepEqual(where(one("//")), ["http", "/"]);
});

test("an HTTP API whose stage has a name is asked under it", () => {
  assert.deepEqual(where(deploy(WEBSOCKETS[1], "/live")("/v1/rooms")), ["http", "/live/v1/rooms"]);
});

test("names of JavaScript are no paths", () => {
  for (const path of ["/__proto__", "/constructor", "/toString", "/hasOwnProperty"]) {
    assert.deepEqual(where(one(path)), ["http", path]);
  }
});

test("what is beneath a websocket's path, or only looks like it, is not the websocket", () => {
  for (const path of ["/ws/more", "/wsx", "/WS", "/v1/ws", "/prod/@connections/abc", "/socket.io/x"]) {
    assert.deepEqual(where(one(path)), ["http", path]);
  }
});

test("query and method stay as they are", () => {
  const { query, method } = one("/ws?token=a%2Bb&x=1&x=2", "GET");
  assert.deepEqual(query, {
    token: { value: "a%2Bb" },
    x: { value: "1", multiValue: [{ value: "1" }, { value: "2" }] },
  });
  assert.equal(method, "GET");
});

test("the APIs are told the viewer's address, whatever the viewer says", () => {
  const claimed = { "x-tidings-viewer": { value: "198.51.100.1" }, accept: { value: "*/*" } };
  for (const target of ["/ws?token=t", "/v1/rooms", "/socket.io/?EIO=4&transport=polling"]) {
    for (const headers of [{}, claimed]) {
      const sent = one(target, "GET", headers).headers;
      assert.deepEqual(sent["x-tidings-viewer"], { value: "192.0.2.1" });
      assert.deepEqual(sent.accept, headers.accept);
      assert.deepEqual(sent.host, { value: "chat.example.com" });
    }
  }
});
