"""A part of Redis is lost, and everybody who is connected still gets the next message (C3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.memory import MemoryConnectionStore
from chalicelib.entrypoints.http import rest
from chalicelib.jobs.outbound import DisconnectUser
from chalicelib.kernel.errors import CacheDown
from chalicelib.kernel.ids import user_bucket
from chalicelib.model.connections import Connection
from chalicelib.model.identifiers import ConnectionId, UserId
from tests.support.deliveries import got, send
from tests.support.interleaving import before
from tests.support.socketio import Client, contents
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


def index_without(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the index of connections lack this one, as it lags behind the table."""
    usual = MemoryConnectionStore.of_user

    def of_user(store: MemoryConnectionStore, user_id: UserId) -> list[Connection]:
        return [each for each in usual(store, user_id) if each.connection_id != device]

    monkeypatch.setattr(MemoryConnectionStore, "of_user", of_user)


@pytest.mark.parametrize("others", [1, 30])
def test_one_that_just_connected_is_in_redis_although_it_is_cold(
    others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.room("alice", *USERS[:others])
    alice = world.connect("alice")
    for user in USERS[:others]:
        world.connect(user)
    world.pump()
    world.cache.flush()
    just, socketio = world.connect("user0"), Client(world, "u0-sio=")
    socketio.connect("user0")
    index_without(just, monkeypatch)
    send(world, alice, "one")
    world.pump(until_ms=world.clock.ms)
    assert got(world, just) == ["one"]
    assert contents(socketio.posted) == ["one"], "it is in both, and gets it once"


def test_one_that_just_connected_hears_of_its_removal(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.room("alice", "bob")
    bob = world.connect("bob")
    index_without(bob, monkeypatch)
    parts = {"room_id": "lobby", "user_id": "bob"}
    assert world.http(rest.remove_member, "alice", **parts).status == 200
    world.pump(until_ms=world.clock.ms)
    assert [each["change"] for each in world.poster.to(bob, "room_updated")] == ["member_removed"]


def test_one_that_just_connected_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    bob = world.connect("bob")
    index_without(bob, monkeypatch)
    job = DisconnectUser(user_id=UserId("bob"), at_ms=world.clock.ms)
    world.services.connections.disconnect_user(job)
    assert world.poster.closed == [bob]


def test_a_socket_that_moved_is_not_taken_for_two() -> None:
    """A cold Redis may be older than the store, and have a socket as it was before an upgrade."""
    world = World()
    Client(world, "bob=").connect("bob")
    [now] = world.services.connections.of_users([UserId("bob")])
    before_it = replace(now, connection_id=ConnectionId("earlier="))
    found = world.services.connections.of_users([UserId("bob")], [before_it, now])
    assert found == [now]
    assert world.services.connections.of_users([UserId("cat")], [before_it]) == [before_it]


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
