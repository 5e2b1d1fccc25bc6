"""The contract of `ports.Trails`, in memory and on Valkey."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.redis import keys
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.trails import RedisTrails
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId, Region, RoomId, UserId
from chalicelib.model.sessions import Trail
from chalicelib.ports.sessions import Trails
from tests.support.valkey import valkey
from tests.support.waiting import until

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


def test_it_says_which_attempt_started_it(trails: Trails) -> None:
    trails.start("SID", replace(TRAIL, attempt="A1"), {})
    begun = trails.begin("SID", ONE)
    assert begun is not None
    assert begun.attempt == "A1"


def test_after_a_failover_in_memory_it_is_in_doubt() -> None:
    trails = MemoryTrails()
    trails.start("SID", TRAIL, {ONE: 3})
    trails.lag()
    trails.fail_over()
    for _ in range(2):
        begun = trails.begin("SID", ONE)
        assert begun == replace(TRAIL, seq=3, in_doubt=True)
        trails.undo("SID")
    trails.start("SID", TRAIL, {ONE: 4})
    assert trails.begin("SID", ONE) == replace(TRAIL, seq=4)


def test_after_a_failover_on_valkey_it_is_in_doubt() -> None:
    """A replica that lacks the last writes becomes the primary."""
    with valkey() as primary, valkey() as replica:
        before = RedisTrails(RedisClient(primary.url, False))
        before.start("SID", TRAIL, {ONE: 3})
        replica.client.execute_command("REPLICAOF", "127.0.0.1", primary.port)
        until(lambda: replica.client.exists(keys.trail("SID")) == 1)
        primary.stop()
        replica.client.execute_command("REPLICAOF", "NO", "ONE")
        after = RedisTrails(RedisClient(replica.url, False))
        for _ in range(2):
            assert after.begin("SID", ONE) == replace(TRAIL, seq=3, in_doubt=True)
            after.undo("SID")
        after.start("SID", TRAIL, {ONE: 4})
        assert after.begin("SID", ONE) == replace(TRAIL, seq=4)
        after.undo("SID")
        assert after.begin("SID", ONE) == replace(TRAIL, seq=4)


def test_one_that_an_earlier_version_started_is_not_in_doubt(valkey_url: str) -> None:
    client = RedisClient(valkey_url, False)
    trails = RedisTrails(client)
    trails.start("SID", TRAIL, {ONE: 3})
    client.run(("HDEL", keys.trail("SID"), "epoch", "attempt"))
    assert trails.begin("SID", ONE) == replace(TRAIL, seq=3)


def test_without_redis() -> None:
    memory = MemoryTrails()
    memory.down = True
    for each in (memory, RedisTrails(RedisClient("redis://127.0.0.1:1", False))):
        with pytest.raises(CacheDown):
            each.begin("SID", ONE)
