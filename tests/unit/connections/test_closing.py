"""Closes of sockets, repeated until API Gateway has confirmed them."""

from __future__ import annotations

import json

import pytest

from chalicelib.connections.closing import MOST_AGE_MS, Reason
from chalicelib.jobs.outbound import CloseConnection
from chalicelib.jobs.sessions import RefuseSession
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId
from tests.support.socketio import Client
from tests.support.world import World

FAILURES = [Outcome.THROTTLED, Outcome.BUSY, Outcome.FAILED]


@pytest.fixture
def world() -> World:
    return World()


def target_of(world: World, device: str) -> Target:
    connection = world.adapters.connections.get(ConnectionId(device))
    assert connection is not None
    return connection.target


def test_a_close_that_is_confirmed_queues_nothing(world: World) -> None:
    device = world.connect("alice")
    world.pump()
    world.services.closing.close(target_of(world, device))
    assert world.poster.closed == [device]
    assert world.adapters.outbound.jobs == []


@pytest.mark.parametrize("outcome", FAILURES)
def test_a_close_that_fails_is_repeated_until_it_is_confirmed(
    world: World, outcome: Outcome
) -> None:
    device = world.connect("alice")
    world.poster.closes[device] = [outcome] * 5
    world.services.closing.close(target_of(world, device))
    assert world.poster.closed == []
    world.wait(5 + 5 + 10 + 20 + 40)
    assert world.poster.closed == [device]
    assert world.poster.closes[device] == []


def test_a_410_is_the_end_of_an_old_connection_and_not_yet_for_a_young_one(world: World) -> None:
    device = world.connect("alice")
    target = target_of(world, device)
    world.poster.closes[device] = [Outcome.GONE] * 2
    world.services.closing.close(target)
    [job] = [job for job in world.adapters.outbound.jobs if isinstance(job, CloseConnection)]
    world.clock.ms += 6_000
    world.services.closing.repeat(job)
    assert world.poster.closes[device] == []
    assert [j for j in world.adapters.outbound.jobs if isinstance(j, CloseConnection)] == [job]


def test_the_tries_end_when_the_gateway_has_closed_it_by_its_age(world: World) -> None:
    device = world.connect("alice")
    target = target_of(world, device)
    world.pump()
    world.poster.closes[device] = [Outcome.FAILED] * 1_000
    world.services.closing.close(target)
    world.wait(MOST_AGE_MS / 1000 + 301)
    assert world.adapters.outbound.jobs == []
    tries = 1_000 - len(world.poster.closes[device])
    assert 20 < tries < 40, "the waits grow"


@pytest.mark.parametrize("kind", [CloseConnection, RefuseSession])
def test_a_websocket_that_is_not_open_yet_is_closed_once_it_is(
    world: World, kind: type[CloseConnection | RefuseSession]
) -> None:
    device = world.connect("alice")
    world.poster.closes[device] = [Outcome.GONE] * 9
    world.adapters.outbound.send([kind(target=target_of(world, device))])
    world.wait(3)
    assert world.poster.closed == [device]


def test_a_client_is_told_to_connect_again_before_the_server_closes(world: World) -> None:
    device = world.connect("alice")
    client = Client(world, "c=")
    client.connect("bob")
    for one in (device, "c="):
        world.services.closing.close(target_of(world, one), Reason.SLOW)
    [told] = world.poster.to(device, "reconnect")
    assert told["reason"] == "slow"
    assert 0 <= told["after_ms"] < 2_000
    [[name, data]] = [event for event in client.events() if event[0] == "reconnect"]
    assert (name, data["reason"]) == ("reconnect", "slow")


def test_a_frame_of_an_erased_connection_gets_an_error_and_then_the_close(world: World) -> None:
    device = world.connect("alice")
    world.services.connections.close(ConnectionId(device))
    answer = world.frame(device, json.dumps({"action": "hello", "data": {}, "id": 7}))
    assert (answer["event"], answer["id"]) == ("error", 7)
    assert answer["data"]["code"] == "unauthorized"
    assert world.poster.closed == [], "the answer comes first"
    world.wait(1)
    assert world.poster.closed == [device]
