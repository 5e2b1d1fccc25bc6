"""Faults of a real Redis server: lost scripts, freezes, crashes, moved slots."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from redis.crc import key_slot

from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.kernel.errors import CacheDown
from chalicelib.kernel.ids import BUCKETS, user_bucket
from chalicelib.model.access import Charge, RoomRate
from chalicelib.model.identifiers import UserId
from chalicelib.model.lines import Draft, Fate, Settled, TurnId
from chalicelib.model.log import Head
from chalicelib.model.rooms import Role
from tests.support.cache import (
    ALICE,
    BOB,
    EAST,
    NOW,
    ROOM,
    Backend,
    Rig,
    backend_of,
    connection,
    entry,
    fill_joined,
    online,
    target,
    warm,
)
from tests.support.threads import together
from tests.support.valkey import Valkey, frozen, valkey
from tests.support.world import CountingIds

served = pytest.mark.parametrize("backend", ["valkey", "cluster"], indirect=True)


@pytest.fixture(scope="module")
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Separate servers, as these tests freeze them and move slots."""
    with backend_of(request.param) as backend:
        yield backend


class TestServer:
    """Tests that need a Redis server on the network."""

    @served
    def test_keys_fields_and_expiries_are_as_documented(self, rig: Rig) -> None:
        cache = rig.cache
        cache.register(connection(ALICE))
        warm(cache)
        cache.grant(target(ALICE).connection_id, ROOM, "v1", Role.OWNER)
        cache.fill_members(ROOM, None, {ALICE: Role.OWNER})
        charge = Charge("x", 1.0, 5, NOW, ALICE, room=RoomRate(10, 100, 5, 50))
        turn = cache.frame(target(ALICE).connection_id, ROOM, EAST, charge).turn
        one, two = (Draft(TurnId(name), entry(0), f"#{name}") for name in ("one", "two"))
        cache.enter_line(one)
        cache.enter_line(two)
        ends = {one.turn_id: Settled(Fate.NO_TARGET)}
        cache.settle((ROOM, EAST), turn.id, Head(1, entry(1).message_id), ends)
        fill_joined(cache, ROOM, [target(ALICE)])
        cache.leave(ROOM, target(ALICE, 2))
        cache.deliver(ROOM, [entry(1)])
        cache.start_typing(ROOM, ALICE, 5, 1)
        cache.lease_posts(1, 10, ROOM)
        cache.note_posts(1, 0)
        cache.tally("x", 5)
        others = tuple(f"online:{{{n}}}" for n in range(BUCKETS) if n != user_bucket(ALICE))
        expiries = {key: node.ttl(key) for node in rig.nodes for key in node.keys("*")}
        expiries = {key: left for key, left in expiries.items() if not key.startswith(others)}
        expected = {
            "user:online:alice": 300,
            "connection:alice-1=": 3600,
            "room:{lobby}:version": 3600,
            "room:{lobby}:members": 3600,
            "limits:alice": 6,
            "room:{lobby}:rate": 11,
            "room:{lobby}:share:alice": 11,
            "room:{lobby}:lease:us-east-1": 0,
            "room:{lobby}:head:us-east-1": 3600,
            "room:{lobby}:line:us-east-1": 60,
            "room:{lobby}:drafts:us-east-1": 60,
            "room:{lobby}:answer:one": 10,
            "room:{lobby}:answer:two": 10,
            "room:{lobby}:joined": 3600,
            "room:{lobby}:left": 3600,
            "conversation:lobby:recent": 3600,
            "typing:lobby": 30,
            "posts:budget": 60,
            "{posts:budget}:lobby": 60,
            "posts:outcomes": 20,
            "tally:x": 5,
            f"online:{{{user_bucket(ALICE)}}}": 3600,
            f"online:{{{user_bucket(ALICE)}}}:users": 3600,
            f"online:{{{user_bucket(ALICE)}}}:warm": 180,
            f"online:{{{user_bucket(ALICE)}}}:heard": 3600,
            "stats:traffic": -1,
        }
        assert set(expiries) == set(expected)
        assert all(expected[key] - 2 <= left <= expected[key] for key, left in expiries.items())
        shown = rig.node_of("user:online:alice").hgetall("user:online:alice")
        assert set(shown) == {"status", "last_seen", "c:alice-1="}
        held = rig.node_of("connection:alice-1=").hgetall("connection:alice-1=")
        assert {"user_id", "rooms", "device_info", "m:lobby"} <= set(held)
        cache.unregister(target(ALICE), NOW)
        node = rig.node_of("user:online:alice")
        assert node.hget("user:online:alice", "left") == str(NOW)
        assert 298 <= node.ttl("user:online:alice") <= 300

    @served
    def test_a_script_the_server_lost_is_sent_again(self, rig: Rig) -> None:
        rig.cache.bump(ROOM)
        for node in rig.nodes:
            node.script_flush()
        before = rig.cache.round_trips
        rig.cache.bump(ROOM)
        assert rig.cache.round_trips - before == 2
        rig.cache.bump(ROOM)
        assert rig.cache.round_trips - before == 3

    @served
    def test_sockets_that_the_server_closed_are_opened_again(self, rig: Rig) -> None:
        users = [UserId(f"u{n}") for n in range(30)]
        warm(rig.cache)
        assert online(rig.cache, users) == {}
        for node in rig.nodes:
            node.client_kill_filter(_type="normal", skipme=True)
        assert online(rig.cache, users) == {}

    @served
    def test_a_key_of_a_wrong_type_is_no_reason_to_stop_asking(self, rig: Rig) -> None:
        rig.node_of("user:online:alice").set("user:online:alice", "x")
        with pytest.raises(CacheDown):
            rig.cache.register(connection(ALICE))
        assert rig.cache.register(connection(BOB))

    @served
    def test_a_frozen_server_costs_one_timeout(self, rig: Rig) -> None:
        users = [UserId(f"u{n}") for n in range(1000)]
        warm(rig.cache)
        with frozen(rig.node_of("user:online:u0")):
            start = time.monotonic()
            with pytest.raises(CacheDown):
                rig.cache.online(users)
            assert time.monotonic() - start < 3
            before = rig.cache.round_trips
            for _ in range(100):
                with pytest.raises(CacheDown):
                    rig.cache.ping()
            assert rig.cache.round_trips == before
        rig.seconds[0] += 1.1
        assert online(rig.cache, users) == {}

    @pytest.mark.parametrize("backend", ["cluster"], indirect=True)
    def test_a_slot_that_moved_is_found(self, rig: Rig) -> None:
        key = "tally:x"
        assert rig.cache.tally("x", 60) == 1
        old = rig.node_of(key)
        new = next(node for node in rig.nodes if node is not old)
        slot = key_slot(key.encode())
        old_id, new_id = (node.execute_command("CLUSTER MYID") for node in (old, new))
        old.delete(key)
        new.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", old_id)
        old.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", new_id)
        for node in (new, old):
            node.execute_command("CLUSTER SETSLOT", slot, "NODE", new_id)
        assert rig.cache.tally("x", 60) == 1
        before = rig.cache.round_trips
        assert rig.cache.tally("x", 60) == 2
        assert rig.cache.round_trips - before == 1


@pytest.fixture
def server() -> Iterator[Valkey]:
    with valkey() as started:
        yield started


def test_a_killed_server_is_asked_once_a_second_and_found_again(server: Valkey) -> None:
    seconds = [1000.0]
    cache = RedisCache(RedisClient(server.url, False, lambda: seconds[0]), CountingIds())
    warm(cache)
    cache.register(connection(ALICE))
    server.stop()

    def refused(_: int = 0) -> bool:
        try:
            cache.ping()
        except CacheDown:
            return True
        return False

    before = cache.round_trips
    assert refused()
    assert cache.round_trips - before == 1
    assert all(together([refused] * 8))
    assert cache.round_trips - before == 1, "the circuit is open"
    seconds[0] += 1.01
    assert all(together([refused] * 8))
    assert cache.round_trips - before == 2, "one call probes the server"
    server.start()
    assert refused(), "the pause is not over"
    seconds[0] += 1.01
    assert not refused()
    assert online(cache, [ALICE]) is None, "cold: it came back empty"
    assert cache.register(connection(ALICE))


def test_nothing_is_opened_by_the_constructor() -> None:
    RedisCache(RedisClient("redis://192.0.2.1:6379", True), CountingIds())
