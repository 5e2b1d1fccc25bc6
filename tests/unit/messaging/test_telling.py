"""Events that are in no log."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.model.delivery import Outcome
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_an_event_that_nobody_takes_becomes_a_dead_letter_after_its_retries(world: World) -> None:
    world.room("alice", "bob")
    bob = world.connect("bob")
    world.poster.script[bob] = [Outcome.THROTTLED] * 9
    body = {"user_id": "carol"}
    assert world.http(rest.add_member, "alice", body, room_id="lobby").status < 300
    world.pump()
    assert len(world.poster.script[bob]) == 9 - 4, "at once, and after 1, 2 and 4 s"
    assert [job.kind for job in world.adapters.outbound_dead.jobs] == ["retry"]
    assert world.poster.closed == []
