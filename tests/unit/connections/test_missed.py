"""A connection that opened while Redis was away comes back if pushes may have passed it by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.connections.missed import MARGIN_MS, MissedPushes
from chalicelib.model.identifiers import ConnectionId
from tests.support.deliveries import send
from tests.support.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    return world


def connect_without_redis(world: World, user: str) -> str:
    world.cache.down = True
    device = world.connect(user)
    world.cache.down = False
    return device


def told(world: World, device: str) -> list[str]:
    return [event["reason"] for event in world.poster.to(device, "reconnect")]


def test_a_message_that_passed_it_by_brings_it_back(world: World) -> None:
    alice = world.connect("alice")
    world.wait(120)
    bob = connect_without_redis(world, "bob")
    send(world, alice, "one")
    world.pump(until_ms=world.clock.ms)
    assert world.poster.to(bob, "message_received") == [], "a delivery does not see it"
    world.wait(2)
    assert told(world, bob) == ["behind"]
    assert world.poster.closed == [bob]
    assert world.services.connections.known(ConnectionId(bob)) is None
    answer = world.act(world.connect("bob"), "sync", positions={})
    assert [m["content"] for m in answer["conversations"]["lobby"]["messages"]] == ["one"]


@pytest.mark.parametrize("by", ["a frame", "the sweep"])
def test_it_comes_back_whoever_registers_it_first(world: World, by: str) -> None:
    alice = world.connect("alice")
    world.pump()
    bob = connect_without_redis(world, "bob")
    world.adapters.outbound.jobs.clear()  # its job's process dies; the job comes later
    send(world, alice, "one")
    if by == "a frame":
        world.act(bob, "hello")
    else:
        world.sweep()
    world.pump(until_ms=world.clock.ms)
    assert told(world, bob) == ["behind"]


def test_what_redis_has_lost_is_put_back_and_stays(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    send(world, alice, "one")
    world.pump(until_ms=world.clock.ms)
    world.cache.flush()
    send(world, alice, "two")
    world.act(bob, "hello")
    world.sweep()
    world.pump(until_ms=world.clock.ms)
    assert told(world, bob) == []
    assert [m["content"] for m in world.poster.to(bob, "message_received")] == ["one", "two"]


def test_without_one_it_stays(world: World) -> None:
    alice = world.connect("alice")
    send(world, alice, "long before")
    world.wait(MARGIN_MS / 1000 + 1)
    bob = connect_without_redis(world, "bob")
    world.wait(2)
    send(world, alice, "one")
    world.pump()
    assert told(world, bob) == []
    assert [m["content"] for m in world.poster.to(bob, "message_received")] == ["one"]


def test_only_messages_that_it_gets_count(world: World) -> None:
    send(world, world.connect("alice"), "one")
    missed = MissedPushes(world.adapters.log, world.services.rooms, world.settings.own_first)
    for user, protocol, found in (
        ("bob", "json", True),
        ("bob", "sio:/", True),
        ("bob", "sio:/moments", False),
        ("carol", "json", False),
    ):
        opened = world.services.connections.known(ConnectionId(world.connect(user)))
        assert opened is not None
        target = replace(opened.target, protocol=protocol)
        assert missed.since_opened(replace(opened, target=target)) is found
