"""Packets of Engine.IO sessions are paid for before they cost: those that wait, and all others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from tests.support.counting import Counting, counted
from tests.support.socketio import Client, Device, Poller
from tests.support.world import World

READS = ("connections", "rooms", "revocations", "log", "checkpoints", "markers")
EVENT = '42["hello"]'


@pytest.fixture
def world() -> World:
    return World()


def limited(**rates: Rate) -> World:
    return World(limits={**DEFAULT_LIMITS, **rates})


def calls(ports: dict[str, Counting], *names: str) -> list[str]:
    return [call for name in names for call in ports[name].calls]


def test_a_packet_before_its_connect_looks_at_the_session_only(world: World) -> None:
    client = Client(world, "s1=")
    ports = counted(world)
    assert client.say(EVENT) == ""
    assert client.closed
    before = ports["connections"].calls.index("get")
    assert ports["connections"].calls[before:].count("get") <= 8, "once, and the end of the session"
    assert len(calls(ports, "cache", "sessions")) <= 16


def test_packets_that_wait_pay_until_the_session_ends() -> None:
    world = limited(packet=Rate(0.001, 250))
    client = Client(world, "s1=")
    for in_ms in (1, 30, 31, 32, 33):  # the others come while two wait
        world.clock.at(in_ms, lambda: client.say(EVENT))
    before_ms = world.clock.ms
    client.say(EVENT)
    assert client.closed
    assert world.clock.ms - before_ms < 3_000, "two wait, and the others find the session ended"
    told = [frame for frame in client.posted if "rate_limited" in frame]
    assert told, "its client is told to come back later"


def test_an_event_of_an_unknown_namespace_does_not_wait(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    before_ms = world.clock.ms
    assert client.say('42/nowhere,["hello"]') == ""
    assert client.closed
    assert world.clock.ms == before_ms


@pytest.mark.parametrize("recovery", [False, True])
def test_a_connected_namespace_is_not_connected_again(world: World, recovery: bool) -> None:
    device = Device(world, "alice").come(recovery=recovery) if recovery else None
    sid = device.id if device else "s1="
    if device is None:
        Client(world, sid).connect("alice")
    ports = counted(world)
    body = json.dumps({"token": world.token("alice"), "recovery": recovery})
    for _ in range(3):
        answer = world.say(sid, f"40{body}")
        assert answer.startswith("44{")
        assert json.loads(answer[2:])["data"]["code"] == "conflict"
    assert calls(ports, *READS) == ["get"] * 3, "whether the socket is there"
    assert ports["sessions"].calls.count("pay") == 6
    assert len(ports["sessions"].calls) <= 24
    assert calls(ports, "delivery", "outbound", "poster") == []
    assert json.loads(world.say(sid, '421["hello"]')[3:])[0]["ok"] is True, "it goes on"


def test_a_namespace_that_is_only_noted_as_connected_is_connected(world: World) -> None:
    """Its DISCONNECT was handled by a process that died before the note was removed."""
    client = Client(world, "s1=")
    client.connect("alice")
    disconnect, world.sessions.disconnect = world.sessions.disconnect, lambda *_: None  # type: ignore[method-assign]
    client.say("41")
    world.sessions.disconnect = disconnect  # type: ignore[method-assign]
    client.connect("alice")
    assert client.act("hello", {})["ok"] is True


@pytest.mark.parametrize("namespace", ["/", "/moments"])
def test_a_connect_that_overtakes_its_disconnect_is_accepted(world: World, namespace: str) -> None:
    """A client disconnects and connects at once: `socket.disconnect().connect()`."""
    client = Client(world, "s1=")
    first = client.connect("alice", namespace)
    world.clock.at(30, lambda: client.say("41" + ("" if namespace == "/" else f"{namespace},")))
    assert client.connect("alice", namespace) != first
    prefix = "" if namespace == "/" else f"{namespace},"
    assert client.act("hello", {}, prefix)["ok"] is True
    session = world.services.engine.session(client.sid)
    assert session is not None
    assert session.namespaces == {namespace}


def test_a_namespace_that_was_left_is_connected_again(world: World) -> None:
    client = Client(world, "s1=")
    first = client.connect("alice")
    assert client.say("41") == ""
    assert client.connect("alice") != first
    assert client.act("hello", {})["ok"] is True


def test_namespaces_that_come_and_go_are_paid_for() -> None:
    world = limited(packet=Rate(0.001, 100))
    client = Client(world, "s1=")
    client.connect("alice")
    ports = counted(world)
    for _ in range(40):
        client.say("41")
        client.say("40" + json.dumps({"token": world.token("alice")}))
    assert client.closed
    assert ports["connections"].calls.count("put") <= 2


def test_connects_are_the_user_s_over_all_sessions() -> None:
    world = limited(connect=Rate(1, 2))
    for number in range(2):
        Client(world, f"s{number}=").connect("alice")
    ports = counted(world)
    answer = Client(world, "s9=").say("40" + json.dumps({"token": world.token("alice")}))
    refusal = json.loads(answer[2:])["data"]
    assert (refusal["code"], refusal["retry_after_ms"]) == ("rate_limited", 1000)
    assert calls(ports, *READS) == []


def test_a_pong_that_answers_no_ping_changes_nothing(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.clock.ms += 1000
    before = world.services.engine.session(client.sid)
    ports = counted(world)
    for _ in range(20):
        assert client.say("3") == ""
    assert ports["sessions"].calls == ["pay"] * 20
    assert calls(ports, "cache", "connections", "outbound", "poster") == []
    assert world.services.engine.session(client.sid) == before
    assert not client.closed


def test_a_pong_answers_a_ping_that_is_not_noted_yet(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.wait(239)
    pinged = world.sessions.ping
    seen: list[int] = []

    def ping(sid: Any, before_ms: int, now_ms: int) -> bool:
        assert client.say("3") == ""  # the answer overtakes the note of the ping
        seen.append(now_ms)
        return pinged(sid, before_ms, now_ms)

    world.sessions.ping = ping  # type: ignore[method-assign]
    world.wait(200)
    assert len(seen) == 1
    assert not client.closed


@pytest.mark.parametrize("packet", ["3", "6", "43999[]"])
def test_packets_that_are_no_action_are_paid_for_by_the_session(packet: str) -> None:
    world = limited(packet=Rate(1, 60))
    client = Client(world, "s1=")
    client.connect("alice")
    world.clock.ms += 1000
    sent = 0
    while not client.closed:
        client.say(packet)
        sent += 1
        assert sent <= 60
    assert sent >= 1


def test_a_post_of_many_pongs_is_paid_for() -> None:
    world = limited(packet=Rate(1, 50))
    client = Poller(world)
    client.connect("alice")
    ports = counted(world)
    assert client.post("\x1e".join(["3"] * 1_000)) == 429
    assert len(ports["sessions"].calls) <= 60
    assert client.ask("GET", sid=client.sid).status == 400, "the session has ended"


def test_polls_and_posts_are_paid_for() -> None:
    world = limited(packet=Rate(1, 30))
    client = Poller(world)
    client.connect("alice")
    statuses = [client.post("6") for _ in range(20)]
    assert statuses[0] == 200
    assert 429 in statuses
    assert statuses[-1] == 400, "the session has ended"


@pytest.mark.parametrize("polls", [False, True])
def test_parts_before_a_connect_end_the_session(polls: bool) -> None:
    world = World()
    part = '451-["send_message",{"_placeholder":true,"num":0}]'
    client = Poller(world) if polls else Client(world, "s1=")
    ports = counted(world)
    if isinstance(client, Poller):
        assert client.post(part) == 400
    else:
        assert client.say(part) == ""
        assert client.closed
    assert "gather" not in ports["sessions"].calls
    assert ports["outbound"].calls == []


def test_the_name_of_a_namespace_is_short(world: World) -> None:
    client = Poller(world)
    assert client.post(f"40/{'n' * 100},") == 200
    assert client.poll() == f'44/{"n" * 100},{{"message":"Invalid namespace"}}'
    assert client.post(f"40/{'n' * 900_000},") == 400


@pytest.mark.parametrize("frame", ["abc", "42{", "42/nowhere,[]", '{"action":"hello"}', "", "b!"])
def test_frames_that_end_the_session_are_paid_for(frame: str) -> None:
    """Whoever sends many at once has each of them look for what is to be closed."""
    world = limited(packet=Rate(0.001, 250))
    client = Client(world, "s1=")
    client.connect("alice")
    for _ in range(4):
        client.say(frame)
    assert client.closed
    ports = counted(world)
    for _ in range(20):
        assert client.say(frame) == ""
    assert len(ports["sessions"].calls) <= 60
    assert len(ports["connections"].calls) <= 20, "whose protocol it speaks"
    assert calls(ports, "outbound", "delivery", "poster", "rooms") == []


def test_what_comes_after_the_end_of_a_flooding_session_costs_little() -> None:
    world = limited(packet=Rate(0.001, 30))
    client = Client(world, "s1=")
    client.connect("alice")
    while not client.closed:
        client.say("3")
    ports = counted(world)
    for _ in range(20):
        assert client.say("3") == ""
    assert len(calls(ports, *ports)) == 40, "its bucket, and whether it has ended"
