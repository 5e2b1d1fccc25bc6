"""What a real Redis loses is noticed: an emptied shard, a replica that lacks the last writes.

For each user the registry either has all connections or says that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.adapters.redis import keys
from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.kernel.ids import user_bucket
from chalicelib.model.identifiers import UserId
from tests.support.cache import NOW, ROOM, Rig, connection, fill_joined, online, target, warm
from tests.support.valkey import Valkey, valkey
from tests.support.waiting import until
from tests.support.world import CountingIds

USERS = [UserId(f"user{number}") for number in range(30)]


def lost(cache: Any, users: list[UserId]) -> list[UserId]:
    """Connected users whom the registry takes for absent."""
    known = cache.online(users)
    found = {each.user_id for each in known.targets} | set(known.unknown)
    return [user_id for user_id in users if user_id not in found]


@pytest.mark.parametrize("backend", ["cluster"], indirect=True)
def test_each_shard_of_a_cluster_vouches_for_itself(rig: Rig) -> None:
    for node in rig.nodes:
        warm(rig.cache)
        rig.cache.restore([connection(user) for user in USERS])
        assert online(rig.cache, USERS) is not None
        node.flushall()
        assert lost(rig.cache, USERS) == []
        assert len(rig.cache.online(USERS).unknown) in range(1, 30), "only that shard is cold"
        cold = [state.number for state in rig.cache.keep_warm() if not state.warm]
        epochs = {bucket: rig.cache.begin(bucket) for bucket in cold}
        rig.cache.restore([connection(user) for user in USERS])
        assert all(rig.cache.vouch(bucket, epoch) for bucket, epoch in epochs.items())
        assert len(online(rig.cache, USERS) or {}) == 30


@pytest.mark.parametrize("backend", ["valkey"], indirect=True)
def test_a_bucket_that_lost_the_signs_of_life_is_cold(rig: Rig) -> None:
    warm(rig.cache)
    rig.cache.register(connection(USERS[0]))
    bucket = user_bucket(USERS[0])
    rig.nodes[0].delete(keys.online_heard(bucket))
    assert online(rig.cache, USERS[:1]) is None
    epoch = rig.cache.begin(bucket)
    assert rig.cache.refresh([target(USERS[0])], NOW + 5) == [], "it is not put back for that"
    assert rig.cache.vouch(bucket, epoch)
    assert rig.cache.heard_ms(target(USERS[0])) == NOW + 5


@contextmanager
def primary_and_replica() -> Iterator[tuple[Valkey, Valkey]]:
    with valkey() as primary, valkey() as replica:
        replica.client.execute_command("REPLICAOF", "127.0.0.1", primary.port)
        until(lambda: replica.client.info("replication")["master_link_status"] == "up")
        yield primary, replica


def cache_on(server: Valkey) -> RedisCache:
    return RedisCache(RedisClient(server.url, False), CountingIds())


def test_a_replica_that_lacks_the_last_seconds() -> None:
    with primary_and_replica() as (primary, replica):
        cache = cache_on(primary)
        warm(cache)
        cache.restore([connection(user) for user in USERS[:20]])
        until(lambda: caught_up(primary, replica))
        replica.client.execute_command("REPLICAOF", "NO", "ONE")  # what follows does not reach it
        cache.restore([connection(user) for user in USERS[20:]])
        cache.unregister(target(USERS[0]), NOW)
        assert len(online(cache, USERS) or {}) == 29
        promoted = cache_on(replica)
        assert promoted.online(USERS).targets == []
        assert lost(promoted, USERS) == []
        assert promoted.devices(USERS[25]) is None
        assert not any(state.warm for state in promoted.keep_warm())
        warm(promoted)
        assert len(online(promoted, USERS) or {}) == 20, "it vouches again when it was filled"


def test_a_failover_while_a_bucket_is_filled() -> None:
    with primary_and_replica() as (primary, replica):
        epoch = cache_on(primary).begin(3)
        until(lambda: caught_up(primary, replica))
        replica.client.execute_command("REPLICAOF", "NO", "ONE")
        assert not cache_on(replica).vouch(3, epoch)


def test_an_audience_that_lacks_the_last_joins_and_leaves() -> None:
    with primary_and_replica() as (primary, replica):
        cache, joined = cache_on(primary), [target(user) for user in USERS[:3]]
        fill_joined(cache, ROOM, joined[:2])
        before = cache.joined(ROOM).as_of
        until(lambda: caught_up(primary, replica))
        replica.client.execute_command("REPLICAOF", "NO", "ONE")
        cache.join(ROOM, joined[2])
        cache.leave(ROOM, joined[0])
        promoted = cache_on(replica)
        assert promoted.joined(ROOM).targets is None
        assert not promoted.fill_joined(ROOM, before, joined[:2]), "it was read before the failover"
        assert promoted.join(ROOM, target(USERS[3])), "nothing is known of the room"
        assert fill_joined(promoted, ROOM, joined[1:])
        known = {each.user_id for each in promoted.joined(ROOM).targets or ()}
        assert known == {*USERS[1:3], USERS[3]}


def test_a_leave_after_a_failover_leaves_nothing_older() -> None:
    with primary_and_replica() as (primary, replica):
        cache = cache_on(primary)
        cache.join(ROOM, target(USERS[0]))
        until(lambda: caught_up(primary, replica))
        replica.client.execute_command("REPLICAOF", "NO", "ONE")
        promoted = cache_on(replica)
        promoted.leave(ROOM, target(USERS[1]))
        assert fill_joined(promoted, ROOM, [])
        assert promoted.joined(ROOM).targets == ()


def caught_up(primary: Valkey, replica: Valkey) -> bool:
    offsets = [each.client.info("replication") for each in (primary, replica)]
    return bool(offsets[0]["master_repl_offset"] == offsets[1]["slave_repl_offset"])
