"""Worlds whose senders deliver to small rooms themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from chalicelib.composition import compose
from chalicelib.entrypoints import streams
from chalicelib.model.identifiers import MessageId
from tests.support.deliveries import HERE, LOBBY, jobs, send, serve
from tests.support.socketio import Device
from tests.support.world import World

T = TypeVar("T")


class InTurn:
    """Runs calls one after the other, so that a test knows their order; see `ports.Parallel`."""

    def __init__(self, *, last_first: bool = False) -> None:
        self._last_first = last_first

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        if self._last_first:
            return [call() for call in reversed(calls)][::-1]
        return [call() for call in calls]


def laned(*, lane_first: bool = True, **settings: int) -> World:
    """A world with the lane, and a room of Alice, Bob and Carol."""
    world = World(**{"fast_lane": 50, **settings})
    world.adapters = replace(world.adapters, parallel=InTurn(last_first=lane_first))
    world.services = compose(world.settings, world.adapters)
    world.room("alice", "bob", "carol")
    return world


def streamed(world: World) -> None:
    """Pass all that is in the lobby's stream to the trigger of the table's stream."""
    found = world.adapters.log.after(LOBBY, HERE, MessageId(""), 1_000)
    streams.replicated(world.services, {"Records": [{"arrival": each} for each in found]})


def warmed(world: World, sender: str) -> None:
    """Send a first message, with which the room's members are cached."""
    send(world, sender, "first")
    world.pump(until_ms=world.clock.ms)


def work(world: World) -> bool:
    """Let the room's worker run the jobs that wait; return whether all are settled."""
    waiting = jobs(world, "entry")
    return serve(world, *waiting) if waiting else True


def shown(world: World, device: Device) -> list[str]:
    """What a stock client has: if its session was closed, it comes back with its offset."""
    device.hear()
    if any(each.split("|")[0] == device.id for each in world.poster.closed):
        device.cut()
        device.come()
        assert device.recovered
    texts = list(dict.fromkeys(device.hear()))
    assert len({each["message_id"] for each in device.messages}) == len(texts)
    return texts
