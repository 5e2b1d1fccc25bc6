"""Stock clients that can recover cost what JSON clients cost: no job for each of them."""

from __future__ import annotations

import json

import pytest

from tests.support.counting import Counting, counted
from tests.support.socketio import Device, say
from tests.support.world import World

RECEIVERS = 30


def delivered(world: World) -> dict[str, Counting]:
    """Deliver a second message to the room, and return what was called for it."""
    alice = world.connect("alice")
    say(world, alice, "1", "lobby")
    ports = counted(world)
    say(world, alice, "2", "lobby")
    return ports


def test_a_message_to_many_costs_two_trips_more_than_to_json_clients() -> None:
    users = [f"u{number}" for number in range(RECEIVERS)]
    world = World()
    world.room("alice", *users)
    for user in users:
        world.connect(user)
    plain = delivered(world)

    other = World()
    other.room("alice", *users)
    devices = [Device(other, user).come() for user in users]
    stock = delivered(other)
    assert [device.hear() for device in devices] == [["1", "2"]] * RECEIVERS

    assert stock["trails"].calls == ["begin", "settle"]
    for name in ("cache", "cursors", "rooms", "delivery", "log", "connections", "checkpoints"):
        assert stock[name].calls == plain[name].calls, name
    assert stock["poster"].calls == plain["poster"].calls == ["post"]


@pytest.mark.parametrize("rooms", [40])
def test_offsets_are_shortened_beside_the_posts(rooms: int) -> None:
    """A checkpoint is written once for every eight streams, and no job is queued for it."""
    world = World()
    names = [world.room("alice", "bob", room_id=f"r{number}") for number in range(rooms)]
    bob, alice = Device(world, "bob").come(), world.connect("alice")
    ports = counted(world)
    for name in names:
        say(world, alice, name, name)
    assert bob.hear() == names
    assert ports["checkpoints"].calls.count("put") == rooms // 8
    assert ports["delivery"].calls.count("send") == rooms


def test_a_sender_s_own_device_is_not_behind() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = Device(world, "alice").come(), Device(world, "bob").come()
    ports = counted(world)
    body = {"conversation_id": "lobby", "message_type": "text"}
    for device, content in ((alice, "1"), (bob, "2"), (alice, "3")):
        emitted = json.dumps(["send_message", {**body, "content": content}])
        assert '"ok":true' in world.say(device.id, f"421{emitted}")
        world.pump(until_ms=world.clock.ms)
    assert (alice.hear(), bob.hear()) == (["2"], ["1", "3"])
    assert ports["log"].calls.count("after") == 0
    assert ports["delivery"].calls.count("send") == 3
