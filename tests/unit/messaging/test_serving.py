"""Posts of several entries to many connections: each in order, none waiting for another."""

from __future__ import annotations

import pytest

from chalicelib.messaging.serving import WINDOW
from chalicelib.model.delivery import Outcome
from tests.support.counting import counted
from tests.support.deliveries import HERE, LOBBY, arrived, behind, got, jobs, send, serve
from tests.support.world import World

TEXTS = ["one", "two", "three", "four"]


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob", "carol")
    return world


def test_entries_of_a_window_are_one_call_of_the_post_client(world: World) -> None:
    alice, *_ = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.pump(until_ms=world.clock.ms)
    send(world, alice, *TEXTS)
    ports = counted(world)
    assert serve(world, *jobs(world, "entry"))
    assert len(TEXTS) == WINDOW
    assert ports["poster"].calls == ["post"]


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.FAILED])
def test_who_refuses_the_second_gets_the_rest_in_its_own_group(
    world: World, outcome: Outcome
) -> None:
    alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.DELIVERED, outcome]
    send(world, alice, *TEXTS)
    assert serve(world, *jobs(world, "entry"))
    assert got(world, carol) == TEXTS
    assert got(world, bob) == ["one"]
    assert behind(world) == {bob: 4}
    assert [job.kind for job in world.adapters.delivery.jobs] == ["direct"] * 3
    world.pump()
    assert [each["content"] for each in arrived(world, bob)] == TEXTS


def test_what_is_too_large_is_passed_over_and_the_next_follows(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.DELIVERED, Outcome.TOO_LARGE]
    send(world, alice, *TEXTS)
    assert serve(world, *jobs(world, "entry"))
    assert got(world, bob) == ["one", "three", "four"]
    assert [job.kind for job in world.adapters.delivery_dead.jobs] == ["set_aside"]


def test_who_is_gone_is_cleaned_up_once(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.clock.ms += 6_000
    world.poster.script[bob] = [Outcome.DELIVERED] + [Outcome.GONE] * 3
    send(world, alice, *TEXTS)
    assert serve(world, *jobs(world, "entry"))
    assert len(world.poster.script[bob]) == 2, "what follows is not posted"
    assert world.adapters.connections.get(bob) is None
    assert behind(world) == {}
    assert jobs(world, "direct") == []


def test_an_entry_counts_when_the_last_connection_has_it(world: World) -> None:
    alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.DELIVERED, Outcome.UNSENT]
    world.poster.script[carol] = [Outcome.DELIVERED] * 2 + [Outcome.UNSENT]
    send(world, alice, *TEXTS)
    waiting = jobs(world, "entry")
    world.poster.script[bob] += [Outcome.UNSENT]
    assert not serve(world, *waiting)
    assert world.adapters.cursors.get(LOBBY, HERE).seq == 1
    assert behind(world) == {}
    assert serve(world, *waiting, receives=2)
    assert got(world, bob) == got(world, carol) == TEXTS
