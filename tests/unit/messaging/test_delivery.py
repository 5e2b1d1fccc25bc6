"""Deliveries of a room: in the log's order, to connections that are slow, deaf, young or many."""

from __future__ import annotations

import pytest

from chalicelib.model.delivery import Outcome
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def send(world: World, connection: str, text: str, **more: str) -> dict:
    data = {"conversation_id": "lobby", "message_type": "text", "content": text, **more}
    return world.act(connection, "send_message", **data)


def test_jobs_that_arrive_in_the_wrong_order_are_delivered_in_the_log_s(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    for text in ("one", "two", "three"):
        send(world, alice, text)
    world.adapters.delivery.jobs.reverse()
    world.adapters.delivery.jobs.extend(list(world.adapters.delivery.jobs))
    world.pump()
    contents = [got["content"] for got in world.poster.to(bob, "message_received")]
    assert contents == ["one", "two", "three"]


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.FAILED])
def test_a_slow_connection_keeps_its_order_and_holds_up_nobody(
    world: World, outcome: Outcome
) -> None:
    world.room("alice", "bob", "carol")
    alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.poster.script[bob] = [outcome, outcome]
    for text in ("one", "two", "three"):
        send(world, alice, text)
    world.pump()
    for device in (bob, carol):
        contents = [got["content"] for got in world.poster.to(device, "message_received")]
        assert contents == ["one", "two", "three"], device


def test_a_deaf_connection_is_closed_and_its_message_kept_as_a_dead_letter(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.poster.script[bob] = [Outcome.FAILED] * 5
    send(world, alice, "lost?")
    world.pump()
    assert world.poster.closed == [bob]
    assert [job.kind for job in world.adapters.outbound_dead.jobs] == ["direct"]
    assert world.adapters.delivery_dead.jobs == [], "nothing failed: nobody is called"
    again = world.connect("bob")
    synced = world.act(again, "sync", positions={})["conversations"]["lobby"]
    assert [message["content"] for message in synced["messages"]] == ["lost?"]


def test_a_410_cleans_up_an_old_connection_but_waits_for_a_young_one(world: World) -> None:
    world.room("alice", "bob")
    alice, old = world.connect("alice"), world.connect("bob")
    world.clock.ms += 6_000
    young = world.connect("bob")
    world.poster.script = {old: [Outcome.GONE] * 9, young: [Outcome.GONE]}
    send(world, alice, "hi")
    world.pump()
    assert world.adapters.connections.get(old) is None
    assert len(world.poster.to(young, "message_received")) == 1


def test_a_connection_is_young_after_a_cold_start_of_its_handler(world: World) -> None:
    """`connectedAt` may lie long before `$connect` ran."""
    world.room("alice", "bob")
    alice = world.connect("alice")
    world.cold_start_ms = 7_000
    slow = world.connect("bob")
    world.cold_start_ms = 0
    world.poster.script = {slow: [Outcome.GONE]}
    send(world, alice, "hi")
    world.pump()
    assert len(world.poster.to(slow, "message_received")) == 1


def test_a_large_room_is_split_and_complete(world: World) -> None:
    world = World(split_over=20)
    users = [f"user{n}" for n in range(60)]
    world.room("alice", *users)
    alice = world.connect("alice")
    devices = [world.connect(user) for user in users]
    for text in ("one", "two"):
        send(world, alice, text)
    world.pump()
    for device in devices:
        contents = [got["content"] for got in world.poster.to(device, "message_received")]
        assert contents == ["one", "two"]
