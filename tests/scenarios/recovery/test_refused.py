"""Who is not recovered: strangers, bad offsets, holes in the log, clients that do not ask."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import operating
from chalicelib.entrypoints.socketio.frames import understands_recovery
from chalicelib.model.identifiers import Region, RoomId
from chalicelib.model.sessions import MOST_USES
from chalicelib.sessions import missed
from tests.support.socketio import Device, Poller, say
from tests.support.world import World


def test_of_others_nobody_recovers(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    thief = Device(world, "mallory")
    thief.pid, thief.offset = bob.pid, bob.offset
    say(world, alice, "1")
    assert not thief.come().recovered
    assert thief.got == []
    assert thief.pid != bob.pid


def test_an_offset_alone_is_not_enough(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    known = bob.pid
    bob.cut()
    say(world, alice, "1")
    bob.pid = "another"
    bob.come()
    assert bob.got == []
    assert bob.pid not in (known, "another")


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_what_the_log_lacks_is_an_honest_failure(world: World, alice: str, lost: int) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    for text in ("1", "2", "3"):
        say(world, alice, text)
    log, stream = world.adapters.log, (RoomId("one"), Region("us-east-1"))
    entries = log._entries[stream]
    del entries[sorted(entries)[lost]]
    bob.come()
    assert not bob.recovered
    assert bob.got == []


@pytest.mark.parametrize("offset", ["", "x", ";;", "{}", None, 5, "x;one:us-east-1:z", "é;"])
def test_offsets_that_are_none(world: World, offset: Any) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    bob.offset = offset
    assert not bob.come().recovered
    assert bob.pid


def test_a_forged_offset_is_an_honest_failure(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    bob.hear()
    for forged in (":us-east-1:99999", ":us-east-1:1x", ""):
        bob.cut()
        bob.offset = f"{str(bob.offset).partition(';')[0]};one{forged}"
        bob.come()
        assert not bob.recovered, forged


def test_what_an_offset_makes_up_is_not_kept(world: World, alice: str) -> None:
    """It names rooms that the user does not read: the new checkpoint has their own rooms only."""
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    bob.hear()
    bob.cut()
    made_up = "".join(f";room{number}:us-east-1:7" for number in range(12))
    bob.offset = f"{bob.offset}{made_up}"
    say(world, alice, "2")
    assert bob.come().recovered
    assert bob.got == ["1", "2"]
    kept = world.adapters.checkpoints.get(str(bob.offset).partition(";")[0])
    assert kept is not None
    assert {room for room, _ in kept.seen} == {"one", "two", "three"}


@pytest.mark.parametrize("region", ["eu-west-1", "nowhere"])
def test_an_offset_of_another_deployment_is_not_recovered(
    world: World, alice: str, region: str
) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    bob.offset = f"{bob.offset};one:{region}:7"
    say(world, alice, "1")
    assert not bob.come().recovered
    assert bob.pid


def test_a_checkpoint_is_used_a_bounded_number_of_times(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    known = bob.offset
    recovered = 0
    for number in range(MOST_USES + 5):
        say(world, alice, str(number))
        bob.offset = f"{known};room{number}:us-east-1:1"
        bob.cut()
        bob.come()
        recovered += bob.recovered
    assert recovered <= MOST_USES


def test_too_much_missed_is_an_honest_failure(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed, "MOST_MISSED", 3)
    bob = Device(world, "bob").come()
    bob.cut()
    for number in range(4):
        say(world, alice, str(number))
    assert not bob.come().recovered
    assert bob.got == []
    say(world, alice, "live")
    assert bob.hear() == ["live"]


def test_a_revoked_user_does_not_come_back(world: World) -> None:
    bob = Device(world, "bob").come()
    parts = {"user_id": "bob", "roles": ["admin"]}
    assert world.http(operating.disconnect_user, "root", {"for_s": 60}, **parts).status == 200
    world.pump(until_ms=world.clock.ms)
    event = world.connect_event("again=", None)
    event["queryStringParameters"] = {"EIO": "4", "transport": "websocket"}
    websocket.connect(world.services, event)
    payload = {"token": world.token("bob"), "pid": bob.pid, "offset": bob.offset}
    assert world.say("again=", "40" + json.dumps(payload)).startswith("44{")


def test_who_refuses_it_has_none(world: World, alice: str) -> None:
    connection = "plain="
    event = world.connect_event(connection, None)
    event["queryStringParameters"] = {"EIO": "4", "transport": "websocket"}
    event["headers"] = {"User-Agent": "Mozilla/5.0"}
    websocket.connect(world.services, event)
    payload = {"token": world.token("bob"), "recovery": False}
    answer = world.say(connection, "40" + json.dumps(payload))
    assert list(json.loads(answer[2:])) == ["sid"]


@pytest.mark.parametrize(
    ("headers", "understands"),
    [
        ({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}, True),
        ({"user-agent": "node-XMLHttpRequest"}, True),
        ({"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}, True),
        ({"User-Agent": "Python/3.11 aiohttp/3.9"}, False),
        (
            {
                "User-Agent": "Dart/3.4 (dart:io)",
                "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
            },
            False,
        ),
        ({}, False),
    ],
)
def test_who_is_known_to_understand_it(headers: dict[str, str], understands: bool) -> None:
    assert understands_recovery(headers) is understands


@pytest.mark.parametrize(("size", "recovered"), [(20_000, True), (60_000, False)])
def test_more_than_may_wait_for_a_poll_is_not_recovered(size: int, recovered: bool) -> None:
    world = World()
    world.room("alice", "bob")
    bob = world.connect("bob")
    known: dict[str, str] = {}
    for _ in range(2):
        client = Poller(world)
        payload = {"token": world.token("alice"), "recovery": True, **known}
        assert client.post("40" + json.dumps(payload)) == 200
        world.pump(until_ms=world.clock.ms)
        frames = client.poll().split("\x1e")
        [connected] = [frame for frame in frames if frame.startswith("40")]
        [started] = [frame for frame in frames if frame.startswith('42["session"')]
        before = dict(known)
        known = {"pid": json.loads(connected[2:])["pid"], "offset": json.loads(started[2:])[-1]}
        world.services.engine.close(world.services.engine.session(client.sid).target)
        for _ in range(30):
            world.clock.ms += 1_000
            text = {"conversation_id": "lobby", "message_type": "text", "content": "x" * size}
            world.act(bob, "send_message", **text)
        world.pump(until_ms=world.clock.ms)
    assert (before["pid"] == known["pid"]) is recovered
