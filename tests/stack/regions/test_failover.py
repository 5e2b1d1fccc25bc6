"""Clients of a region that is drained, or killed, go on in the other one.

The stock Socket.IO clients run the recipes of docs/how-to/move-socketio-clients.md as they stand.
"""

from __future__ import annotations

import asyncio
import json
import queue
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support import node, packed
from tests.support.chatting import Chatting
from tests.support.client_backend import Listener
from tests.support.paths import ROOT
from tests.support.people import People, name
from tests.support.waiting import until
from tidings_client import TidingsClient
from workbench.stack.regions.deployment import Plan, Regions
from workbench.stack.threads import in_thread

A, B = "us-east-1", "ap-southeast-1"
MOVED_S = 90.0  # a drain begins after 15 s, and a turn may be 10 s later
pytestmark = [pytest.mark.extended, pytest.mark.timeout(300)]

DRIVER = """
import { connect } from "./recipe.mjs";
const [url, token, room] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));
const socket = connect(url, token);
let position;
const sync = async () => {
  const answer = await socket.emitWithAck("sync", { positions: { [room]: position ?? "" } });
  const found = answer.data.conversations[room];
  position = found.position;
  found.messages.forEach((each) => say({ message: each.content }));
};
socket.on("message_received", (each) => say({ message: each.content }));
socket.on("connect", async () => {
  if (!socket.recovered) await sync();
  const { data } = await socket.emitWithAck("hello", {});
  say({ region: data.region });
});
"""


class Two:
    def __init__(self, stack: Regions) -> None:
        self.stack = stack

    def people(self, region: str) -> People:
        url = self.stack.urls[region]
        return People(url, url.replace("http", "ws", 1) + "/ws")

    def chaos(self, **order: Any) -> None:
        body = json.dumps({"region": A, **order}).encode()
        request = urllib.request.Request(f"{self.stack.urls[B]}/dev/chaos", body)
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()

    def drain(self, method: str) -> dict[str, Any]:
        with self.people(A) as people:
            token = people.token("ops", roles=["admin"])
            status, answer = people.http(method, "/v1/admin/drain", token=token)
        assert status == 200, answer
        return dict(answer)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with in_thread(
        Regions(Plan((A, B), port=0, home=tmp_path_factory.mktemp("home"))), start_s=200
    ) as stack:
        yield Two(stack)


@pytest.fixture(autouse=True)
def healed(two: Two) -> Iterator[None]:
    yield
    two.chaos(heal=True)
    two.drain("DELETE")
    with two.people(A) as people:
        until(lambda: people.http("GET", "/v1/health")[0] == 200)


def recipe(language: str) -> str:
    text = (ROOT / "docs/how-to/move-socketio-clients.md").read_text()
    [block] = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return str(block)


class StockNode:
    """The JavaScript recipe in a process of its own."""

    def __init__(self, folder: Path, url: str, token: str, room: str) -> None:
        found = node.installed()
        (folder / "node_modules").symlink_to(node.HERE / "node_modules")
        (folder / "recipe.mjs").write_text(recipe("js"))
        (folder / "driver.mjs").write_text(DRIVER)
        command = [found, "driver.mjs", url, token, room]
        self._process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.regions: list[str] = []
        self.messages: list[Any] = []

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = json.loads(line)
            if "region" in found:
                self.regions.append(found["region"])
            else:
                self.messages.append(found["message"])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class StockPython:
    """The Python recipe."""

    def __init__(self, url: str, token: str, room: str, **options: Any) -> None:
        module: dict[str, Any] = {}
        exec(recipe("python"), module)
        self.messages: list[Any] = []
        self._room, self._position = room, ""
        self._client = module["connect"](url, token, **options)
        self._client.on("message_received", lambda data: self.messages.append(data["content"]))

    def region(self) -> str:
        """The region that answers now; "" if none does."""
        import socketio

        try:
            return str(self._client.call("hello", {}, timeout=5)["data"]["region"])
        except (socketio.exceptions.SocketIOError, TimeoutError):
            return ""

    def sync(self) -> list[Any]:
        answer = self._client.call("sync", {"positions": {self._room: self._position}}, timeout=30)
        found = answer["data"]["conversations"][self._room]
        self._position = found["position"]
        return [each["content"] for each in found["messages"]]

    def close(self) -> None:
        self._client.shutdown()


def test_stock_clients_of_a_drained_region_go_on_in_the_other(two: Two, tmp_path: Path) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room = here.room(ada, bob)
        token, url = here.token(bob), two.stack.urls[A]
        with (
            closing(StockPython(url, token, room)) as python,
            closing(StockPython(url, token, room, transports=["polling"])) as polling,
            closing(StockNode(tmp_path, url, token, room)) as stock,
        ):
            until(lambda: stock.regions == [A])
            assert python.region() == polling.region() == A
            python.sync()
            two.drain("PUT")
            until(lambda: stock.regions[-1:] == [B])
            until(lambda: python.region() == B)
            until(lambda: polling.region() == B)
            there.device(ada).say(room, "over there")
            until(lambda: "over there" in stock.messages)
            assert "over there" in python.sync()
            two.drain("DELETE")
            assert (python.region(), stock.regions) == (B, [A, B]), "nobody is moved back"


def test_stock_clients_of_a_lost_region_go_on_in_the_other(two: Two, tmp_path: Path) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room = here.room(ada, bob)
        token, url = here.token(bob), two.stack.urls[A]
        with (
            closing(StockPython(url, token, room)) as python,
            closing(StockNode(tmp_path, url, token, room)) as stock,
        ):
            until(lambda: stock.regions == [A])
            assert python.region() == A
            two.chaos(service="all", fault="kill")
            until(lambda: stock.regions[-1:] == [B])
            until(lambda: python.region() == B)
            there.device(ada).say(room, "alive")
            until(lambda: "alive" in stock.messages)


@pytest.mark.parametrize("how", ["drained", "lost"])
async def test_the_python_client_recovers_in_the_other_region(two: Two, how: str) -> None:
    ada, bob, listener = name("ada"), name("bob"), Listener()
    with two.people(A) as here, two.people(B) as there:
        room = here.room(ada, bob)
        token = here.token(bob)

        async def issue() -> str:
            return token

        client = TidingsClient(here.ws_url, issue, listener)
        await client.connect()
        try:
            await client.call("join_room", {"room_id": room})
            await listener.until(lambda: "regions" in listener.names())
            body = {"conversation_id": room, "message_type": "text"}
            await client.call("send_message", {**body, "content": "before"})
            if how == "drained":
                await asyncio.to_thread(two.drain, "PUT")
            else:
                await asyncio.to_thread(two.chaos, service="all", fault="kill")
            await asyncio.to_thread(lambda: there.device(ada).say(room, "meanwhile"))
            await listener.until(lambda: "moved" in listener.names(), MOVED_S)
            await listener.until(lambda: "meanwhile" in listener.contents(), MOVED_S)
            assert (await client.call("hello", {}))["region"] == B
            await client.call("send_message", {**body, "content": "after"})
        finally:
            await client.close()
        assert listener.contents() == ["meanwhile"]


@pytest.mark.parametrize("kind", packed.KINDS)
def test_the_packed_clients_go_on_in_the_other_region(two: Two, tmp_path: Path, kind: str) -> None:
    ada, bob = name("ada"), name("bob")
    command = packed.KINDS[kind](tmp_path / kind)
    with two.people(A) as here, two.people(B) as there:
        room = here.room(ada, bob)
        device = there.device(ada)
        with Chatting(command, here.url, bob, room, TOKEN=here.token(bob)) as chat:
            chat.until_online()
            two.drain("PUT")
            device.say(room, "meanwhile")
            chat.until_told(f"moving to {there.ws_url}")
            chat.until_printed(f"{ada}: meanwhile")
            chat.type("after")
            assert [each["content"] for each in device.heard(room, 1)] == ["after"]
            assert chat.end() == 0
