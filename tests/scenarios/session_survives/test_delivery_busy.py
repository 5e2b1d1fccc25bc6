"""Deliveries while the account's posts are used up: they wait, and close nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.apigateway.poster import ApiGatewayPoster
from chalicelib.adapters.http.sigv4 import Credentials
from chalicelib.composition import compose
from chalicelib.contract.events import Typing
from chalicelib.kernel.errors import Unavailable
from chalicelib.messaging import fanout, serving
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import UserId
from tests.support.deliveries import HERE, LOBBY, arrived, got, jobs, send, serve
from tests.support.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    return world


def exhausted(world: World, budget: dict[str, int]) -> ApiGatewayPoster:
    """A real post client without a server; what `budget` grants is refused by nobody."""
    return ApiGatewayPoster(
        "us-east-1",
        "http://127.0.0.1:9",
        lambda: Credentials("key", "secret"),
        budget=lambda wanted, room_id: budget["left"],
        clock=world.clock,
    )


def test_an_empty_budget_closes_nobody_and_queues_nothing(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    send(world, alice, "one")
    empty = EnginePoster(exhausted(world, {"left": 0}), world.sessions)
    services = world.services
    world.services = compose(world.settings, replace(world.adapters, poster=empty))
    [job] = jobs(world, "entry")
    for attempt in range(1, 40):
        assert not serve(world, job, receives=attempt)
    assert world.adapters.delivery.jobs == [job]
    world.services = services
    assert serve(world, job, receives=40)
    assert got(world, bob) == ["one"]
    assert world.poster.closed == []


def test_what_was_posted_before_posts_were_busy_is_not_posted_again(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.DELIVERED] * 2 + [Outcome.BUSY] * 3
    send(world, alice, "one", "two", "three", "four")
    waiting = jobs(world, "entry")
    assert not serve(world, *waiting)
    assert world.adapters.cursors.get(LOBBY, HERE).seq == 2
    assert not serve(world, *waiting, receives=2)
    assert serve(world, *waiting, receives=3)
    assert [each["content"] for each in arrived(world, bob)] == ["one", "two", "three", "four"]


def test_clients_that_are_all_deaf_do_not_hold_up_their_room_for_long(world: World) -> None:
    """To the post client they look like an account that is throttled."""
    alice, deaf, other = world.connect("alice"), world.connect("bob"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[deaf] = [Outcome.BUSY] * 20
    send(world, alice, "one")
    [job] = jobs(world, "entry")
    for attempt in range(1, serving.PATIENT_ATTEMPTS + 1):
        assert not serve(world, job, receives=attempt)
    assert serve(world, job, receives=serving.PATIENT_ATTEMPTS + 1)
    send(world, alice, "two")
    world.pump()
    assert got(world, other) == ["one", "two"]
    assert world.poster.closed == [], "they may as well be an account that is throttled"
    assert got(world, deaf) == ["one", "two"]


def test_busy_posts_do_not_count_towards_the_end_of_a_connection(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.poster.script[bob] = [Outcome.THROTTLED, *[Outcome.BUSY, Outcome.UNSENT] * 2]
    send(world, alice, "one", "two")
    world.pump()
    assert got(world, bob) == ["one", "two"]
    assert world.poster.closed == []


def test_a_retry_of_an_event_in_no_log_waits_for_busy_posts(world: World) -> None:
    bob = world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    [known] = world.adapters.connections.of_user("bob")
    world.poster.script[bob] = [Outcome.BUSY, Outcome.UNSENT]
    typing = Typing(LOBBY, UserId("alice"), True, "2027-01-15T08:00:00.000Z")
    job = fanout.retry_job(typing, known.target, 2)
    for _ in range(2):
        with pytest.raises(Unavailable):
            world.services.telling.retry(job)
    world.services.telling.retry(job)
    assert world.poster.to(bob, "typing") == [typing.data()]
    assert world.adapters.outbound_dead.jobs == []
