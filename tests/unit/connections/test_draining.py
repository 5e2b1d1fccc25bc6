"""Drains: the pace, whom a turn takes, and what stops one."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.connections.draining import FIRST_MS, TURN_MS, DrainPace, pace
from chalicelib.entrypoints.http import operating, rest
from chalicelib.jobs.outbound import DrainBucket
from chalicelib.kernel.ids import BUCKETS, user_bucket
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import UserId
from tests.support.draining import deployed, open_to, show, start, stop
from tests.support.world import World

ALICES = user_bucket(UserId("alice"))


@pytest.mark.parametrize("per_s", [1, 3, 6, 7, 50, 250, 500, 4000])
def test_the_pace_is_at_most_what_is_asked_for_and_little_below(per_s: int) -> None:
    found = pace(per_s)
    made = found.most * BUCKETS * 1000 / found.turn_ms
    assert per_s / 2 < made <= per_s * 1.05
    assert found.turn_ms >= TURN_MS


def test_the_default_is_half_of_what_api_gateway_takes() -> None:
    assert pace(250) == DrainPace(39, 10_000)


def turn(world: World) -> None:
    """A turn of the bucket of alice."""
    drain = world.adapters.drains.get()
    assert drain is not None
    job = DrainBucket(bucket=ALICES, started_ms=drain.started_ms)
    world.services.draining.bucket(job)


def test_a_turn_ends_as_many_as_its_pace_and_the_next_one_goes_on() -> None:
    world = deployed(drain_per_s=20)  # three in a turn
    for _ in range(7):
        world.connect("alice")
    start(world)
    for left in (4, 1, 0, 0):
        world.clock.ms += TURN_MS
        turn(world)
        turn(world)  # the same job again
        assert len(open_to(world)) == left


def test_nobody_goes_before_other_regions_know() -> None:
    world = deployed()
    alice = world.connect("alice")
    start(world)
    world.wait(FIRST_MS / 1000 - 1)
    assert open_to(world) == {alice}
    world.wait(1 + TURN_MS / 1000)
    assert open_to(world) == set()


def test_over_a_time_each_has_a_moment_of_its_own() -> None:
    world = deployed()
    for number in range(200):
        world.connect(f"user-{number}")
    start(world, over_s=200)
    left = []
    for _ in range(20):
        world.wait(10)
        left.append(len(open_to(world)))
    assert all(abs(found - (200 - 10 * n)) < 40 for n, found in enumerate(left, 1)), left
    world.wait(20)
    assert open_to(world) == set()


def test_the_pace_holds_also_if_the_time_is_too_short() -> None:
    world = deployed(drain_per_s=7)  # one in a turn
    for _ in range(5):
        world.connect("alice")
    start(world, over_s=1)
    world.clock.ms += 60_000
    turn(world)
    assert len(open_to(world)) == 4


def test_the_sweep_goes_on_with_a_drain_whose_jobs_were_lost() -> None:
    world = deployed()
    world.connect("alice")
    start(world)
    world.adapters.outbound.jobs.clear()
    world.clock.ms += 60_000
    world.sweep()
    world.wait(TURN_MS / 1000)
    assert open_to(world) == set()


def test_the_sweep_takes_who_came_after_the_last_turn() -> None:
    world = deployed()
    start(world)
    world.wait(60)
    assert not any(isinstance(job, DrainBucket) for job in world.adapters.outbound.jobs)
    world.peers.up.clear()  # so that a connection is taken
    world.clock.ms += 10_000
    world.connect("alice")
    world.peers.up = {each.health for each in world.settings.endpoints.values()}
    world.clock.ms += 10_000
    world.sweep()
    world.wait(TURN_MS / 1000)
    assert open_to(world) == set()


def test_jobs_of_an_earlier_drain_do_nothing() -> None:
    world = deployed()
    alice = world.connect("alice")
    start(world)
    jobs = [job for job in world.adapters.outbound.jobs if isinstance(job, DrainBucket)]
    stop(world)
    world.clock.ms += 60_000
    for job in jobs:
        world.services.draining.bucket(job)
    world.adapters.drains.start(world.clock.ms, 0)
    for job in jobs:
        world.services.draining.bucket(job)
    assert open_to(world) == {alice}


def test_nobody_goes_while_there_is_nowhere_to_go() -> None:
    world = deployed()
    alice = world.connect("alice")
    start(world)
    world.peers.up.clear()
    world.wait(60)
    assert open_to(world) == {alice}
    world.peers.up = {each.health for each in world.settings.endpoints.values()}
    world.wait(30)
    assert open_to(world) == set()


@pytest.mark.parametrize("up", [True, False])
def test_a_region_without_another_cannot_be_drained(up: bool) -> None:
    world = deployed()
    world.peers.up.clear()
    if up:
        world = World()
    answer = start(world)
    assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")
    assert world.adapters.drains.get() is None


@pytest.mark.parametrize("endpoint", [operating.start_drain, operating.stop_drain])
def test_another_region_than_the_one_meant_refuses(endpoint: rest.Endpoint) -> None:
    world = deployed()
    start(world)
    drain = world.adapters.drains.get()
    query = {"region": "eu-west-1"}
    answer = world.http(endpoint, "ops", {"over_s": 9}, roles=["admin"], query=query)
    assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")
    assert "us-east-1" in answer.body["error"]["message"]
    assert world.adapters.drains.get() == drain


def test_what_operators_see() -> None:
    world = deployed()
    alice = world.connect("alice")
    nothing = {"region": "us-east-1", "draining": False, "since": None, "over_s": None}
    assert show(world).body == {**nothing, "connections": 1}
    since = "2027-01-15T08:00:00.000Z"
    underway = {**nothing, "draining": True, "since": since, "over_s": 300, "connections": 1}
    assert start(world, over_s=300).body == underway
    assert start(world, over_s=0).body == {**underway, "over_s": 0}
    world.disconnect(alice)
    assert show(world).body["connections"] == 0
    world.cache.down = True
    assert show(world).body["connections"] is None
    assert stop(world).body == {**nothing, "connections": None}


def test_a_close_that_is_not_confirmed_is_repeated() -> None:
    world = deployed()
    alice = world.connect("alice")
    world.poster.closes[alice] = [Outcome.FAILED, Outcome.FAILED]
    start(world)
    world.wait(60)
    assert world.poster.closed == [alice]
    assert open_to(world) == set()


def test_without_redis_it_drains_as_well() -> None:
    world = deployed()
    devices: list[Any] = [world.connect(f"user-{number}") for number in range(10)]
    world.cache.down = True
    assert start(world).status == 200
    world.wait(60)
    assert open_to(world) == set()
    assert sorted(set(world.poster.closed)) == sorted(devices)
