"""HTTP long-polling: what a poll waits for, and how its session ends."""

from __future__ import annotations

import json

import pytest

from chalicelib.entrypoints.http import operating
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Post
from chalicelib.wire import engineio
from tests.support.counting import counted
from tests.support.socketio import Poller, contents
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_a_poll_waits_for_what_comes(world: World) -> None:
    world.room("alice", "bob")
    client, bob = Poller(world), world.connect("bob")
    assert client.handshake["upgrades"] == ["websocket"]
    client.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "hi"}

    def speak() -> None:
        world.act(bob, "send_message", **body)
        world.pump(until_ms=world.clock.ms)

    world.clock.at(300, speak)
    assert contents(client.poll().split("\x1e")) == ["hi"]


def test_a_polling_session_ends_before_what_is_kept_of_it_expires(world: World) -> None:
    client = Poller(world)
    client.connect("alice")
    began_ms = world.clock.ms
    while (answer := client.ask("GET", sid=client.sid)).status == 200 and answer.text != "1":
        if "2" in answer.text.split("\x1e"):
            assert client.post("3") == 200
        world.wait(10)
        assert world.clock.ms - began_ms < 7_200_000
    assert world.clock.ms - began_ms > 5_700_000


def test_a_poll_without_news_ends_after_a_while(world: World) -> None:
    client = Poller(world)
    client.connect("alice")
    before = world.clock.ms
    assert client.poll() == "6"
    assert 19_000 <= world.clock.ms - before <= 21_500


def test_a_poll_that_waits_is_let_go_when_its_user_is_thrown_out(world: World) -> None:
    client = Poller(world)
    client.connect("mallory")

    def throw_out() -> None:
        parts = {"user_id": "mallory", "roles": ["admin"]}
        world.http(operating.disconnect_user, "root", {"for_s": 60}, **parts)
        world.pump(until_ms=world.clock.ms)

    world.clock.at(300, throw_out)
    assert client.poll() == "6", "no close packet: Python clients end for good at it"
    assert client.ask("GET", sid=client.sid).status == 400
    assert client.post('420["hello"]') == 400


def test_without_redis_there_is_no_polling(world: World) -> None:
    client = Poller(world)
    world.sessions.down = True
    for method in ("GET", "POST"):
        assert client.ask(method, "4", sid=client.sid).status == 503
    assert client.ask("GET").status == 503


def test_a_payload_that_is_too_large_ends_the_session(world: World) -> None:
    client = Poller(world)
    assert client.post("4" + "x" * 1_000_001) == 413
    assert client.post("3") == 400


def test_a_write_buffer_that_nobody_fetches_is_bounded(world: World) -> None:
    world.room("alice", "bob")
    client, bob = Poller(world), world.connect("bob")
    client.connect("alice")
    world.clock.ms += 6_000
    for number in range(1_010):
        assert world.services.adapters.poster.post([Post(_known(world, client), b"4x")]), number
    world.act(bob, "send_message", conversation_id="lobby", message_type="text", content="x")
    world.pump(until_ms=world.clock.ms)
    assert world.adapters.connections.get(client.sid) is None


def _known(world: World, client: Poller) -> Target:
    known = world.adapters.connections.get(client.sid)
    assert known is not None
    return known.target


@pytest.mark.parametrize("packet", ["3", "6", "43[]", '40{"token":"x"}'])
def test_a_payload_of_many_packets_costs_a_stranger_s_session_little(packet: str) -> None:
    world = World()
    client = Poller(world)
    ports = counted(world)
    assert client.post(engineio.SEPARATOR.join([packet] * 1_000)) == 429
    trips = [call for name in ("cache", "sessions") for call in ports[name].calls]
    assert len(trips) <= 12, "it pays for all packets at once, and the first of them ends it"
    assert client.ask("GET", sid=client.sid).status == 400


def test_three_namespaces_are_connected_by_one_post(world: World) -> None:
    client = Poller(world)
    token = json.dumps({"token": world.token("alice")})
    names = ("", "/moments,", "/notifications,")
    body = engineio.SEPARATOR.join(f"40{name}{token}" for name in names)
    assert client.post(body) == 200
    assert client.poll().count('{"sid"') == 3
