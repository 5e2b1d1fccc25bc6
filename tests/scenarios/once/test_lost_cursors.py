"""The table `deliveries` is lost: nothing old is pushed again, and what is due is pushed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryCursors
from chalicelib.composition import compose
from chalicelib.kernel.errors import Unavailable
from tests.support.deliveries import jobs, serve
from tests.support.interleaving import before
from tests.support.world import World

MINUTE_MS = 60_000


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    return world


def send(world: World, device: str, text: str) -> None:
    body = {"conversation_id": "lobby", "message_type": "text", "content": text}
    world.act(device, "send_message", **body)


def lose_the_table(world: World) -> None:
    world.adapters = replace(world.adapters, cursors=MemoryCursors())
    world.services = compose(world.settings, world.adapters)


def pushed(world: World, device: str) -> list[str]:
    return [event["content"] for event in world.poster.to(device, "message_received")]


def test_nothing_old_is_pushed_again(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    for number in range(40):
        send(world, alice, f"old {number}")
        world.clock.ms += MINUTE_MS // 10
    world.pump()
    world.poster.raw.clear()
    world.clock.ms += 20 * MINUTE_MS
    lose_the_table(world)
    send(world, alice, "new")
    send(world, alice, "newer")
    world.pump()
    assert pushed(world, bob) == ["new", "newer"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_what_was_not_delivered_is_pushed_in_order(world: World, order: tuple[int, ...]) -> None:
    """Jobs arrive in another order than their entries were written, and one was never queued."""
    alice, bob = world.connect("alice"), world.connect("bob")
    for number in range(5):
        send(world, alice, f"old {number}")
    world.pump()
    world.poster.raw.clear()
    world.clock.ms += 20 * MINUTE_MS
    lose_the_table(world)
    send(world, alice, "not queued")
    waiting = world.adapters.delivery.jobs
    waiting.clear()
    for number in range(3):
        world.clock.ms += MINUTE_MS
        send(world, alice, f"due {number}")
    waiting[:] = [waiting[number] for number in order]
    world.pump()
    assert pushed(world, bob) == ["not queued", "due 0", "due 1", "due 2"]


def test_a_new_room_is_delivered_from_its_beginning(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    for number in range(3):
        send(world, alice, str(number))
    world.adapters.delivery.jobs.reverse()
    world.pump()
    assert pushed(world, bob) == ["0", "1", "2"]


def refuse(world: World, device: str, text: str) -> None:
    """Send a message whose job cannot be queued."""
    services = world.services

    def away() -> None:
        raise Unavailable("injected")

    before(world, "delivery", "send", away)
    body = {"conversation_id": "lobby", "message_type": "text", "content": text}
    answer = world.ask(device, "send_message", **body, client_message_id=text)
    assert answer["data"]["code"] == "unavailable"
    world.services = services


@pytest.mark.parametrize("split_over", [500, 1], ids=["small room", "large room"])
def test_the_first_entries_are_due_however_long_the_queue_was_away(split_over: int) -> None:
    world = World(split_over=split_over)
    world.room("alice", "bob", "cat")
    alice, bob, _ = (world.connect(user) for user in ("alice", "bob", "cat"))
    world.pump(until_ms=world.clock.ms)
    refuse(world, alice, "first")
    refuse(world, alice, "second")
    world.clock.ms += 60 * MINUTE_MS
    send(world, alice, "third")
    world.pump(until_ms=world.clock.ms)
    assert pushed(world, bob) == ["first", "second", "third"]


def test_a_large_room_is_delivered_from_its_beginning() -> None:
    """The parts are asked for a run whose last entry came long after its first one."""
    world = World(split_over=1)
    world.room("alice", "bob", "cat")
    alice, bob, _ = (world.connect(user) for user in ("alice", "bob", "cat"))
    world.pump(until_ms=world.clock.ms)
    for number in range(3):
        send(world, alice, str(number))
        world.clock.ms += 20 * MINUTE_MS
    assert serve(world, *jobs(world, "entry"))
    world.pump(until_ms=world.clock.ms)
    assert pushed(world, bob) == ["0", "1", "2"]


def test_a_first_entry_that_was_delivered_long_ago_makes_no_stream_new(world: World) -> None:
    """It is sent again after the table was lost, and its job cannot be queued."""
    alice, bob = world.connect("alice"), world.connect("bob")
    body: dict[str, Any] = {"conversation_id": "lobby", "message_type": "text"}
    world.act(alice, "send_message", **body, content="first", client_message_id="first")
    send(world, alice, "second")
    world.pump(until_ms=world.clock.ms)
    world.poster.raw.clear()
    world.clock.ms += 20 * MINUTE_MS
    lose_the_table(world)
    refuse(world, alice, "first")
    world.clock.ms += 20 * MINUTE_MS
    send(world, alice, "third")
    world.pump(until_ms=world.clock.ms)
    assert pushed(world, bob) == ["third"]


def test_a_large_room_that_lost_the_table_pushes_nothing_old() -> None:
    world = World(split_over=1)
    world.room("alice", "bob", "cat")
    alice, bob, _ = (world.connect(user) for user in ("alice", "bob", "cat"))
    for number in range(5):
        send(world, alice, f"old {number}")
    world.pump(until_ms=world.clock.ms)
    world.poster.raw.clear()
    world.clock.ms += 20 * MINUTE_MS
    lose_the_table(world)
    send(world, alice, "new")
    world.pump(until_ms=world.clock.ms)
    assert pushed(world, bob) == ["new"]
