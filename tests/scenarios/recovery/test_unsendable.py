"""Recovery, and entries that are nested deeply or cannot be encoded at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.kernel import nesting
from tests.support.socketio import Device
from tests.support.world import World


def test_a_socket_that_comes_back_is_sent_the_greatest_depth() -> None:
    world = World()
    world.room("alice", "bob")
    bob = Device(world, "bob").come()
    alice = world.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text"}
    world.act(alice, "send_message", content="first", **body)
    assert bob.hear() == ["first"]
    bob.cut()
    deepest: Any = "x"
    for _ in range(nesting.MAX_DEPTH):
        deepest = [deepest]
    world.act(alice, "send_message", content=deepest, **body)
    bob.come()
    assert bob.recovered
    assert bob.got == ["first", deepest]


def test_a_recovery_that_cannot_be_encoded_begins_afresh() -> None:
    """What is not JSON stands for whatever an encoder refuses."""
    world = World()
    world.room("alice", "bob")
    bob = Device(world, "bob").come()
    alice = world.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text"}
    world.act(alice, "send_message", content="first", **body)
    assert bob.hear() == ["first"]
    bob.cut()
    world.act(alice, "send_message", content="second", **body)
    log: Any = world.adapters.log
    [entries] = log._entries.values()
    newest = max(entries)
    entries[newest] = replace(entries[newest], content=float("nan"))
    bob.come()
    assert bob.offset
    assert not bob.recovered
    world.act(alice, "send_message", content="third", **body)
    assert bob.hear()[-1] == "third"


def test_an_entry_that_cannot_be_encoded_has_a_letter_and_the_next_one_ends_the_socket() -> None:
    world = World()
    world.room("alice", "bob")
    bob = Device(world, "bob").come()
    alice = world.connect("alice")
    world.pump(until_ms=world.clock.ms)
    body = {"conversation_id": "lobby", "message_type": "text"}
    world.act(alice, "send_message", content="poison", **body)
    queue = world.adapters.delivery.jobs
    queue[:] = [replace(job, entry=replace(job.entry, content=float("nan"))) for job in queue]
    log: Any = world.adapters.log
    [entries] = log._entries.values()
    [number] = entries
    entries[number] = replace(entries[number], content=float("nan"))
    bob.hear()
    letters = [job for job in world.adapters.delivery_dead.jobs if job.kind == "set_aside"]
    assert [job.seq for job in letters] == [1]
    world.act(alice, "send_message", content="second", **body)
    assert bob.hear() == []
    assert bob.id in world.poster.closed
    assert len(world.adapters.delivery_dead.jobs) == 1
    bob.come()
    world.act(alice, "send_message", content="next", **body)
    assert bob.hear()[-1] == "next"
