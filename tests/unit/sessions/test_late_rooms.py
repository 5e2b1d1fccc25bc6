"""The index of a user's rooms lags behind their memberships: no silent hole comes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryRoomStore
from chalicelib.composition import compose
from chalicelib.entrypoints.http import rest
from chalicelib.model.identifiers import RoomId, UserId
from chalicelib.model.rooms import Member
from tests.support.socketio import Device, say
from tests.support.world import World

LOOK_S = 60


class LaggingRooms(MemoryRoomStore):
    """The index does not show these rooms yet."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: set[RoomId] = set()

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        return [room for room in super().rooms_of(user_id) if room not in self.hidden]

    def joined_since(self, user_id: UserId, at_ms: int) -> list[Member]:
        found = super().joined_since(user_id, at_ms)
        return [member for member in found if member.room_id not in self.hidden]


@pytest.fixture
def rooms() -> LaggingRooms:
    return LaggingRooms()


@pytest.fixture
def world(rooms: LaggingRooms) -> World:
    world = World()
    world.adapters = replace(world.adapters, rooms=rooms)
    world.services = compose(world.settings, world.adapters)
    world.room("alice", "bob", room_id="one")
    return world


def made_while_away(world: World, rooms: LaggingRooms, alice: str) -> None:
    world.clock.ms += 600_000
    world.room("alice", "bob", room_id="new")
    rooms.hidden.add(RoomId("new"))
    say(world, alice, "new 1", "new")
    say(world, alice, "new 2", "new")


def test_a_recovered_socket_gets_the_entries_of_the_new_room(
    world: World, rooms: LaggingRooms
) -> None:
    alice, bob = world.connect("alice"), Device(world, "bob").come()
    bob.cut()
    made_while_away(world, rooms, alice)
    assert bob.come().recovered
    assert bob.got == []
    rooms.hidden.clear()
    world.wait(LOOK_S)
    assert bob.hear() == ["new 1", "new 2"]
    say(world, alice, "new 3", "new")
    assert bob.hear() == ["new 1", "new 2", "new 3"]
    bob.cut()
    bob.come()
    assert (bob.recovered, bob.got) == (True, ["new 1", "new 2", "new 3"])


@pytest.mark.parametrize("fresh", [False, True])
def test_a_live_entry_of_the_new_room_brings_the_earlier_ones(
    world: World, rooms: LaggingRooms, fresh: bool
) -> None:
    alice, bob = world.connect("alice"), Device(world, "bob").come()
    bob.cut()
    made_while_away(world, rooms, alice)
    if fresh:
        bob = Device(world, "bob")
    bob.come()
    say(world, alice, "new 3", "new")
    assert bob.hear() == ["new 1", "new 2", "new 3"]
    rooms.hidden.clear()
    world.wait(LOOK_S)
    assert bob.hear() == ["new 1", "new 2", "new 3"]


def test_history_before_the_user_joined_is_not_sent(world: World) -> None:
    alice = world.connect("alice")
    world.room("alice", room_id="old")
    say(world, alice, "before", "old")
    bob = Device(world, "bob").come()
    world.clock.ms += 10
    world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id="old")
    world.clock.ms += 10
    say(world, alice, "after", "old")
    assert bob.hear() == ["after"]


def test_one_who_is_in_a_room_again_is_not_sent_what_it_had_before(world: World) -> None:
    """Its trail was started while its user was not in the room, and does not know of it."""
    alice, bob = world.connect("alice"), Device(world, "bob").come()
    say(world, alice, "the first", "one")
    assert bob.hear() == ["the first"]
    world.clock.ms += 10_000
    world.http(rest.remove_member, "alice", room_id="one", user_id="bob")
    world.pump(until_ms=world.clock.ms)
    bob.cut()
    assert bob.come().recovered
    world.clock.ms += 10_000
    world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id="one")
    world.wait(LOOK_S)
    assert bob.hear() == ["the first"]
    say(world, alice, "the second", "one")
    assert bob.hear() == ["the first", "the second"]


def test_a_first_entry_by_a_clock_that_is_behind_is_sent(world: World, rooms: LaggingRooms) -> None:
    alice, bob = world.connect("alice"), Device(world, "bob").come()
    bob.cut()
    world.clock.ms += 600_000
    world.room("alice", "bob", room_id="new")
    rooms.hidden.add(RoomId("new"))
    world.clock.ms -= 2_000
    say(world, alice, "new 1", "new")
    world.clock.ms += 2_000
    assert bob.come().recovered
    assert bob.got == []
    rooms.hidden.clear()
    world.wait(LOOK_S)
    assert bob.hear() == ["new 1"]


def test_a_sync_of_all_rooms_is_completed_by_an_event(world: World, rooms: LaggingRooms) -> None:
    alice = world.connect("alice")
    made_while_away(world, rooms, alice)
    bob = world.connect("bob")
    synced = world.act(bob, "sync", positions={})
    assert list(synced["conversations"]) == ["one"]
    rooms.hidden.clear()
    world.wait(LOOK_S)
    [event] = [e for e in world.poster.to(bob, "room_updated") if e["room_id"] == "new"]
    found: dict[str, Any] = world.act(bob, "sync", positions={event["room_id"]: ""})
    contents = [m["content"] for m in found["conversations"]["new"]["messages"]]
    assert contents == ["new 1", "new 2"]
