"""A part of Redis is lost, and everybody who is connected still gets the next message (C3)."""

from __future__ import annotations

import pytest

from chalicelib.kernel.errors import CacheDown
from chalicelib.kernel.ids import user_bucket
from chalicelib.model.identifiers import UserId
from tests.support.deliveries import got, send
from tests.support.interleaving import before
from tests.support.world import World

USERS = [f"user{number}" for number in range(30)]


def crowd() -> tuple[World, list[str]]:
    world = World()
    world.room("alice", *USERS)
    devices = [world.connect(user) for user in ("alice", *USERS)]
    world.pump()
    return world, devices


def everyone_gets(world: World, devices: list[str], text: str) -> None:
    send(world, devices[0], text)
    world.pump(until_ms=world.clock.ms)
    assert [device for device in devices[1:] if text not in got(world, device)] == []


def on_a_shard(key: str) -> bool:
    """Whether the key is on the shard that has the odd buckets; the others are on other shards."""
    return key.startswith(tuple(f"online:{{{bucket}}}" for bucket in range(1, 64, 2)))


def test_a_shard_is_emptied() -> None:
    world, devices = crowd()
    world.cache.flush(on_a_shard)
    everyone_gets(world, devices, "one")
    assert world.cache.online([UserId(user) for user in USERS]).unknown != []
    world.sweep()
    assert world.cache.online([UserId(user) for user in USERS]).unknown == []
    everyone_gets(world, devices, "two")


def test_a_key_is_evicted() -> None:
    world, devices = crowd()
    world.cache.flush(lambda key: key == f"online:{{{user_bucket(UserId('user3'))}}}")
    everyone_gets(world, devices, "one")


@pytest.mark.parametrize("call", ["refresh", "restore", "held", "vouch"])
def test_a_call_of_a_sweep_fails(call: str) -> None:
    world, devices = crowd()
    world.cache.flush()
    services = world.services

    def fail() -> None:
        raise CacheDown("injected")

    before(world, "cache", call, fail)
    world.sweep()
    world.services = services
    everyone_gets(world, devices, "one")
    world.sweep()
    assert world.cache.online([UserId(user) for user in USERS]).unknown == []


@pytest.mark.parametrize("call", ["refresh", "restore", "held", "vouch", "keep_warm"])
def test_it_is_emptied_while_a_sweep_fills_it(call: str) -> None:
    world, devices = crowd()
    world.cache.flush()
    before(world, "cache", call, world.cache.flush)
    world.sweep()
    everyone_gets(world, devices, "one")


def test_a_replica_lacks_a_device_that_has_just_connected() -> None:
    world, devices = crowd()
    replica = world.cache.replica()
    devices.append(world.connect("user7"))
    world.cache.fail_over(replica)
    everyone_gets(world, devices, "one")
    world.sweep()
    everyone_gets(world, devices, "two")
    assert world.cache.online([UserId(user) for user in USERS]).unknown == []


def test_a_replica_lacks_somebody_who_has_just_come_back() -> None:
    world, devices = crowd()
    [old] = world.adapters.connections.of_user(UserId("user7"))
    world.disconnect(old.connection_id)
    replica = world.cache.replica()
    devices.remove(old.connection_id)
    devices.append(world.connect("user7"))
    world.cache.fail_over(replica)
    everyone_gets(world, devices, "one")


def test_a_replica_brings_back_somebody_who_has_just_left() -> None:
    world, _ = crowd()
    [gone] = world.adapters.connections.of_user(UserId("user7"))
    replica = world.cache.replica()
    world.disconnect(gone.connection_id)
    world.cache.fail_over(replica)
    world.sweep()
    assert world.cache.online([UserId("user7")]).targets == []
