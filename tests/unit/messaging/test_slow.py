"""Connections that do not take their posts: retried, and closed only for their own refusals."""

from __future__ import annotations

import pytest

from chalicelib.messaging import slow
from chalicelib.model.delivery import Outcome
from tests.support.deliveries import behind, got, jobs, send, serve
from tests.support.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    return world


def refused_once(world: World) -> tuple[str, str]:
    """Bob's device does not take a message, and gets a job of its own."""
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.THROTTLED] * 40
    send(world, alice, "one")
    assert serve(world, *jobs(world, "entry"))
    return alice, bob


def test_it_is_closed_after_three_retries_if_the_region_s_posts_are_taken(world: World) -> None:
    _, bob = refused_once(world)
    world.cache.note_posts(90, 10)
    for receives in range(1, 4):
        assert not serve(world, *jobs(world, "direct"), receives=receives)
        assert world.adapters.delivery.hidden[-1][1] == 2 ** (receives - 1)
    assert serve(world, *jobs(world, "direct"), receives=4)
    assert world.poster.closed == [bob]
    assert behind(world) == {}


def test_it_is_not_closed_while_the_region_s_posts_are_refused(world: World) -> None:
    _, bob = refused_once(world)
    for receives in range(1, 20):
        world.cache.note_posts(89, 11)
        assert not serve(world, *jobs(world, "direct"), receives=receives)
    assert world.poster.closed == []
    world.poster.script[bob].clear()
    assert serve(world, *jobs(world, "direct"), receives=20)
    assert got(world, bob) == ["one"]


def test_it_is_not_closed_while_redis_cannot_say(world: World) -> None:
    refused_once(world)
    world.cache.down = True
    for receives in range(1, 20):
        assert not serve(world, *jobs(world, "direct"), receives=receives)
    assert world.poster.closed == []


def test_too_many_behind_are_not_closed_while_the_region_s_posts_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow, "MOST_BEHIND", 1)
    alice, *devices = world.connect("alice"), world.connect("bob"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    for device in devices:
        world.poster.script[device] = [Outcome.THROTTLED]
    send(world, alice, "one")
    world.cache.note_posts(0, 1)
    assert not serve(world, *jobs(world, "entry"))
    assert world.poster.closed == []
    assert behind(world) == {}
    assert serve(world, *jobs(world, "entry"), receives=2)
    assert [got(world, device) for device in devices] == [["one"]] * 2


def test_a_later_entry_is_not_posted_to_a_connection_whose_close_is_repeated(world: World) -> None:
    alice, bob = refused_once(world)
    send(world, alice, "two")
    assert serve(world, *jobs(world, "entry"))
    world.cache.note_posts(90, 10)
    world.poster.closes[bob] = [Outcome.THROTTLED]
    one, two = jobs(world, "direct")
    for receives in range(1, 5):
        serve(world, one, receives=receives)
    assert world.poster.closed == []
    world.poster.script[bob].clear()
    assert serve(world, two)
    assert got(world, bob) == [], "the client has to miss both, and sync"
    assert behind(world) == {}
