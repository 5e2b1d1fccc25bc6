"""The table `deliveries` is lost: nothing old is pushed again, and what is due is pushed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.memory import MemoryCursors
from chalicelib.services import compose
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
    jobs = world.adapters.delivery.jobs
    jobs.clear()
    for number in range(3):
        world.clock.ms += MINUTE_MS
        send(world, alice, f"due {number}")
    jobs[:] = [jobs[number] for number in order]
    world.pump()
    assert pushed(world, bob) == ["not queued", "due 0", "due 1", "due 2"]


def test_a_new_room_is_delivered_from_its_beginning(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    for number in range(3):
        send(world, alice, str(number))
    world.adapters.delivery.jobs.reverse()
    world.pump()
    assert pushed(world, bob) == ["0", "1", "2"]
