"""Who has a room open."""

from __future__ import annotations

import pytest

from chalicelib.jobs.outbound import RepairViews
from tests.support.interleaving import before
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_joining_and_leaving_is_told_once_a_user(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "join_room", room_id="lobby")
    world.act(bob, "join_room", room_id="lobby")
    second = world.connect("bob")
    world.act(second, "join_room", room_id="lobby")
    world.pump()
    world.disconnect(bob)
    world.pump()
    assert [e["user_id"] for e in world.poster.to(alice, "user_joined")] == ["bob"]
    assert world.poster.to(alice, "user_left") == []
    world.act(second, "leave_room", room_id="lobby")
    world.pump()
    assert [e["user_id"] for e in world.poster.to(alice, "user_left")] == ["bob"]


def sees_typing(world: World, device: str, other: str) -> bool:
    """Whether the other device gets an event when this one types."""
    known = len(world.poster.to(other, "typing"))
    world.clock.ms += 10_000
    world.act(device, "typing_start", conversation_id="lobby")
    world.pump(until_ms=world.clock.ms)
    return len(world.poster.to(other, "typing")) > known


def in_the_lobby(world: World) -> tuple[str, str]:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "join_room", room_id="lobby")
    assert not sees_typing(world, alice, bob), "bob has not joined; the audience is cached"
    return alice, bob


def test_a_replica_that_lacks_a_join_shows_it_again(world: World) -> None:
    alice, bob = in_the_lobby(world)
    replica = world.cache.replica()
    world.act(bob, "join_room", room_id="lobby")
    world.cache.fail_over(replica)
    assert sees_typing(world, alice, bob)


def test_a_replica_that_lacks_a_leave_shows_nothing(world: World) -> None:
    alice, bob = in_the_lobby(world)
    world.act(bob, "join_room", room_id="lobby")
    replica = world.cache.replica()
    world.act(bob, "leave_room", room_id="lobby")
    world.cache.fail_over(replica)
    assert not sees_typing(world, alice, bob)


def test_what_was_read_before_a_failover_is_not_cached(world: World) -> None:
    alice, bob = in_the_lobby(world)
    world.cache.flush()
    replica = world.cache.replica()

    def joins_and_is_forgotten() -> None:
        world.act(bob, "join_room", room_id="lobby")
        world.cache.fail_over(replica)

    before(world, "cache", "fill_joined", joins_and_is_forgotten)
    sees_typing(world, alice, bob)
    assert sees_typing(world, alice, bob)


def test_who_closes_a_room_that_redis_has_forgotten_is_told(world: World) -> None:
    alice, bob = in_the_lobby(world)
    second = world.connect("bob")
    for device in (bob, second):
        world.act(device, "join_room", room_id="lobby")
    world.pump()
    world.cache.flush()
    world.act(bob, "leave_room", room_id="lobby")
    world.pump()
    assert world.poster.to(alice, "user_left") == [], "the second device has it open"
    world.cache.flush()
    for _ in range(2):
        world.act(second, "leave_room", room_id="lobby")
        world.pump()
    assert [e["user_id"] for e in world.poster.to(alice, "user_left")] == ["bob"]


@pytest.mark.parametrize(("action", "change"), [("join_room", "join"), ("leave_room", "leave")])
def test_the_repair_is_queued_before_the_store_changes(
    world: World, action: str, change: str
) -> None:
    in_the_lobby(world)
    bob = world.connect("bob")
    if action == "leave_room":
        world.act(bob, "join_room", room_id="lobby")
    world.cache.down = True
    jobs = world.adapters.outbound.jobs
    jobs.clear()
    planned: list[object] = []
    before(world, "connections", change, lambda: planned.extend(jobs))
    world.act(bob, action, room_id="lobby")
    assert [type(job) for job in planned] == [RepairViews]
    assert sum(isinstance(job, RepairViews) for job in jobs) == 1
