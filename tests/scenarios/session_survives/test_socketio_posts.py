"""Frames that are posted: again while posts are refused, and the end after that."""

from __future__ import annotations

import pytest

from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId
from tests.support.socketio import LONG, REFUSED, Client
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_an_answer_that_is_refused_is_posted_again(world: World) -> None:
    client = Client(world, "c=")
    world.pump(until_ms=world.clock.ms)
    client.connect("alice")
    target = _target(world, "c=")
    world.poster.script["c="] = [Outcome.DELIVERED, *REFUSED]
    assert world.services.engine.post(target, ["4one", "4two", "4three"])
    assert client.posted[-3:] == ["4one", "4two", "4three"]
    assert not world.poster.closed


def test_an_answer_that_is_refused_for_long_ends_the_session(world: World) -> None:
    client = Client(world, "c=")
    world.pump(until_ms=world.clock.ms)
    client.connect("alice")
    target, began_ms = _target(world, "c="), world.clock.ms
    world.poster.script["c="] = [Outcome.DELIVERED, *LONG]
    assert not world.services.engine.post(target, ["4one", "4two", "4three"])
    assert 5_000 <= world.clock.ms - began_ms < 6_000
    assert client.posted[-1:] == ["4one"], "none after the one that is missing"
    assert world.poster.closed == ["c="]


def _target(world: World, sid: str) -> Target:
    session = world.sessions.get(ConnectionId(sid))
    assert session is not None
    return session.target
