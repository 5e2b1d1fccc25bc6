"""Nobody is seen in a room that they left, and nobody is posted to who is gone."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId, RoomId
from tests.support.world import World

LOBBY = RoomId("lobby")


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    for user in ("alice", "bob"):
        world.act(world.connect(user), "join_room", room_id=LOBBY)
    world.pump()
    types(world)
    assert len(world.poster.to(BOB, "typing")) == 1, "all of the room is cached"
    return world


ALICE, BOB = "conn-alice-1=", "conn-bob-2="


def types(world: World) -> None:
    world.clock.ms += 10_000
    world.act(ALICE, "typing_start", conversation_id=LOBBY)
    world.pump(until_ms=world.clock.ms)


def target_of(world: World, device: str) -> Target:
    connection = world.adapters.connections.get(ConnectionId(device))
    assert connection is not None
    return connection.target


@pytest.mark.parametrize("away_s", [1, 600])
@pytest.mark.parametrize("ends", [True, False])
def test_a_leave_while_redis_is_away_holds_when_it_is_back(
    world: World, ends: bool, away_s: int
) -> None:
    """The connection ends, or leaves the room and stays."""
    world.cache.down = True
    if ends:
        world.disconnect(BOB)
    else:
        world.act(BOB, "leave_room", room_id=LOBBY)
    world.wait(away_s)
    world.cache.down = False
    world.wait(16)
    before = world.poster.calls
    typed = len(world.poster.to(BOB, "typing"))
    types(world)
    assert len(world.poster.to(BOB, "typing")) == typed
    assert world.poster.calls == before, "alice's device gets no event of its own"
    world.wait(60)
    assert world.adapters.outbound.jobs == []


def test_a_join_while_redis_is_away_holds_when_it_is_back(world: World) -> None:
    tablet = world.connect("bob")
    world.pump()
    world.cache.down = True
    world.act(tablet, "join_room", room_id=LOBBY)
    world.cache.down = False
    world.wait(16)
    types(world)
    assert len(world.poster.to(tablet, "typing")) == 1


def test_who_left_and_came_back_meanwhile_stays(world: World) -> None:
    world.cache.down = True
    world.act(BOB, "leave_room", room_id=LOBBY)
    world.cache.down = False
    world.act(BOB, "join_room", room_id=LOBBY)
    world.wait(30)
    before = len(world.poster.to(BOB, "typing"))
    types(world)
    assert len(world.poster.to(BOB, "typing")) == before + 1


def test_a_ghost_is_posted_to_once(world: World) -> None:
    """Redis still has a connection in the room that ended, and that no job will remove."""
    ghost = target_of(world, BOB)
    world.disconnect(BOB)
    world.wait(20)
    world.cache.join(LOBBY, ghost)
    world.poster.script[BOB] = [Outcome.GONE] * 9
    types(world)
    types(world)
    assert len(world.poster.script[BOB]) == 8


def test_new_friends_who_are_connected_learn_of_each_other_once() -> None:
    world = World()
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump()
    assert world.http(rest.put_friend, "alice", user_id="bob").status == 200
    assert world.http(rest.put_friend, "bob", user_id="alice").status == 200
    world.wait(120)
    for _ in range(2):
        assert world.http(rest.put_friend, "alice", user_id="bob").status == 200
    world.sweep()
    world.wait(120)
    for device, other in ((alice, "bob"), (bob, "alice")):
        updates = world.poster.to(device, "friend_status_update")
        assert [(each["user_id"], each["status"]) for each in updates] == [(other, "online")]


def test_who_connects_between_the_two_requests_is_announced_once() -> None:
    world = World()
    alice = world.connect("alice")
    world.http(rest.put_friend, "alice", user_id="bob")
    world.pump()
    bob = world.connect("bob")
    world.http(rest.put_friend, "bob", user_id="alice")
    world.wait(120)
    for device in (alice, bob):
        assert len(world.poster.to(device, "friend_status_update")) == 1


def test_who_connects_and_makes_friends_at_once_is_announced_once() -> None:
    world = World()
    alice, bob = world.connect("alice"), world.connect("bob")
    world.http(rest.put_friend, "alice", user_id="bob")
    world.http(rest.put_friend, "bob", user_id="alice")
    world.wait(120)
    for device in (alice, bob):
        assert len(world.poster.to(device, "friend_status_update")) == 1
