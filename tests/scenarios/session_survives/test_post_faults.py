"""Deliveries over the real post client to an @connections that fails in each of its ways."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest

from chalicelib.adapters.apigateway.poster import ApiGatewayPoster
from chalicelib.adapters.http.sigv4 import Credentials
from chalicelib.adapters.system import SystemClock
from chalicelib.composition import compose
from tests.support.world import World

TIMEOUT_S = 0.3
HANG, DROP = "hang", "drop"


class Connections(ThreadingHTTPServer):
    """@connections; `script` holds what the next posts to a connection meet.

    Attributes:
        taken: (connection, content) of each message that was answered with 200.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: dict[str, list[int | str]] = {}
        self.taken: list[tuple[str, Any]] = []
        self.deleted: list[str] = []
        self.over = threading.Event()

    def contents(self, connection: str) -> list[Any]:
        return [content for target, content in self.taken if target == connection]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Connections

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        connection = unquote(self.path.rpartition("/")[2])
        waiting = self.server.script.get(connection)
        outcome = waiting.pop(0) if waiting else 200
        if outcome == HANG:
            self.server.over.wait(20)
        if isinstance(outcome, str):
            self.close_connection = True
            return
        if outcome == 200 and body["event"] == "message_received":
            self.server.taken.append((connection, body["data"]["content"]))
        self._answer(outcome)

    def do_DELETE(self) -> None:
        self.server.deleted.append(unquote(self.path.rpartition("/")[2]))
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def served(world: World) -> Iterator[Connections]:
    """The world posts to a server over sockets."""
    server = Connections()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    poster = ApiGatewayPoster(
        "us-east-1",
        f"http://127.0.0.1:{server.server_port}",
        lambda: Credentials("key", "secret", None),
        timeout_s=TIMEOUT_S,
        clock=SystemClock(),
    )
    world.services = compose(world.settings, replace(world.adapters, poster=poster))
    try:
        yield server
    finally:
        poster.stop()
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def say(world: World, connection: str, *texts: str) -> None:
    for text in texts:
        body = {"conversation_id": "lobby", "message_type": "text", "content": text}
        world.act(connection, "send_message", **body)


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob", "carol")
    return world


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 403, HANG, DROP])
def test_a_post_that_fails_is_tried_again_and_the_order_holds(
    world: World, fault: int | str
) -> None:
    alice, bob, carol = (world.connect(user) for user in ("alice", "bob", "carol"))
    with served(world) as server:
        server.script[bob] = [200, fault, fault]
        say(world, alice, "one", "two", "three", "four")
        world.pump()
        for device in (bob, carol):
            assert server.contents(device) == ["one", "two", "three", "four"]
        assert server.deleted == []


@pytest.mark.parametrize("fault", [429, 500, HANG])
def test_a_connection_that_never_takes_one_is_closed_and_recovers(
    world: World, fault: int | str
) -> None:
    alice, bob, carol = (world.connect(user) for user in ("alice", "bob", "carol"))
    with served(world) as server:
        server.script[bob] = [fault] * 20
        say(world, alice, "one", "two")
        world.pump()
        assert server.contents(carol) == ["one", "two"]
        assert bob in server.deleted
        assert world.adapters.connections.get(bob) is None
        assert world.adapters.outbound_dead.jobs[0].kind == "direct"
        again = world.connect("bob")
        synced = world.act(again, "sync", positions={"lobby": ""})["conversations"]["lobby"]
        assert [message["content"] for message in synced["messages"]] == ["one", "two"]


def test_410_ends_an_old_connection_and_is_not_yet_for_a_young_one(world: World) -> None:
    alice, old = world.connect("alice"), world.connect("bob")
    world.clock.ms += 6_000
    young = world.connect("bob")
    with served(world) as server:
        server.script[old] = [410] * 9
        server.script[young] = [410, 410]
        say(world, alice, "one", "two")
        world.pump()
        assert world.adapters.connections.get(old) is None
        assert server.contents(young) == ["one", "two"]
        assert world.adapters.outbound_dead.jobs == []


def test_a_server_that_is_not_there_fails_in_time(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    with served(world) as server:
        server.shutdown()
        server.server_close()
        say(world, alice, "one")
        world.pump()
    assert world.adapters.connections.get(bob) is None
    assert [job.kind for job in world.adapters.outbound_dead.jobs] == ["direct"]
