"""The contract of `ports.Trails`, in memory and on Valkey."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.trails import RedisTrails
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId, Region, RoomId, UserId
from chalicelib.model.sessions import Trail
from chalicelib.ports.sessions import Trails

EAST = Region("us-east-1")
ONE, TWO = (RoomId("one.x"), EAST), (RoomId("two"), EAST)
TARGET = Target(ConnectionId("a="), UserId("u"), "api", "prod", EAST, "sio+:/", 1, "SID")
TRAIL = Trail(TARGET, "PID", "CHECKPOINT")


@pytest.fixture(params=["memory", "valkey"])
def trails(request: pytest.FixtureRequest, valkey_url: str) -> Trails:
    if request.param == "memory":
        return MemoryTrails()
    client = RedisClient(valkey_url, False)
    client.run(("FLUSHALL",))
    return RedisTrails(client)


def test_of_the_unknown_nothing_is_kept(trails: Trails) -> None:
    assert trails.begin("SID", ONE) is None
    trails.undo("SID")
    trails.follow("SID", TARGET)
    trails.done("SID", TRAIL, ONE, 5)
    assert trails.begin("SID", ONE) is None
    assert trails.seen("SID") == {}


def test_it_is_found_as_it_was_put(trails: Trails) -> None:
    trails.start("SID", TRAIL, {ONE: 3, TWO: 0})
    assert trails.begin("SID", ONE) == replace(TRAIL, seq=3)
    trails.undo("SID")
    assert trails.begin("SID", TWO) == replace(TRAIL, seq=0)
    trails.undo("SID")
    assert trails.begin("SID", (RoomId("new"), EAST)) == TRAIL
    assert trails.seen("SID") == {ONE: 3, TWO: 0}


def test_what_was_begun_is_in_doubt_until_it_is_done(trails: Trails) -> None:
    trails.start("SID", TRAIL, {ONE: 3})
    first = trails.begin("SID", ONE)
    assert first is not None
    assert not first.in_doubt
    second = trails.begin("SID", ONE)
    assert second is not None
    assert second.in_doubt
    went_on = replace(first, checkpoint_id="NEXT", since=((*ONE, 4),))
    trails.done("SID", went_on, ONE, 4)
    assert trails.begin("SID", ONE) == replace(went_on, seq=4)
    assert trails.seen("SID") == {ONE: 4}


def test_one_that_starts_in_doubt_is_so_until_undone(trails: Trails) -> None:
    trails.start("SID", replace(TRAIL, in_doubt=True), {ONE: 3})
    trails.undo("SID")
    assert trails.begin("SID", ONE) == replace(TRAIL, seq=3)


def test_a_start_forgets_what_was(trails: Trails) -> None:
    trails.start("SID", TRAIL, {ONE: 3, TWO: 1})
    trails.begin("SID", ONE)
    trails.start("SID", replace(TRAIL, pid="OTHER"), {ONE: 7})
    assert trails.begin("SID", TWO) == replace(TRAIL, pid="OTHER")
    assert trails.seen("SID") == {ONE: 7}


def test_it_follows_its_socket(trails: Trails) -> None:
    trails.start("SID", TRAIL, {ONE: 3})
    there = replace(TARGET, connection_id=ConnectionId("b="))
    trails.follow("SID", there)
    assert trails.begin("SID", ONE) == replace(TRAIL, target=there, seq=3)


def test_without_redis() -> None:
    memory = MemoryTrails()
    memory.down = True
    for each in (memory, RedisTrails(RedisClient("redis://127.0.0.1:1", False))):
        with pytest.raises(CacheDown):
            each.begin("SID", ONE)
