"""A Redis that fails over to a replica without the last seconds (real Valkey)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.composition import compose
from chalicelib.entrypoints.http import rest
from tests.support.cache import warm
from tests.support.valkey import Valkey, valkey
from tests.support.waiting import until
from tests.support.world import World

LOBBY = "lobby"


@pytest.fixture
def pair() -> Iterator[tuple[Valkey, Valkey]]:
    """A primary and its replica."""
    with valkey() as primary, valkey() as replica:
        replica.client.execute_command("REPLICAOF", "127.0.0.1", primary.port)
        yield primary, replica


def use(world: World, server: Valkey) -> None:
    cache = RedisCache(RedisClient(server.url, False), world.ids)
    world.adapters = replace(world.adapters, cache=cache)
    world.services = compose(world.settings, world.adapters)


def caught_up(primary: Valkey, replica: Valkey) -> bool:
    own, other = (each.client.info("replication") for each in (primary, replica))
    up = other.get("master_link_status") == "up"
    return bool(up and own["master_repl_offset"] == other["slave_repl_offset"])


def send(world: World, device: str) -> str:
    body = {"conversation_id": LOBBY, "message_type": "text", "content": "x"}
    return str(world.ask(device, "send_message", **body)["data"].get("code", ""))


def test_a_kick_that_the_replica_never_got_holds_soon_after(pair: tuple[Valkey, Valkey]) -> None:
    primary, replica = pair
    world = World()
    use(world, primary)
    warm(world.adapters.cache)
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    for device in (alice, bob):
        world.act(device, "join_room", room_id=LOBBY)
        assert send(world, device) == ""
    world.pump()
    world.act(alice, "typing_start", conversation_id=LOBBY)
    world.pump(until_ms=world.clock.ms)
    assert len(world.poster.to(bob, "typing")) == 1
    until(lambda: caught_up(primary, replica))

    replica.client.execute_command("REPLICAOF", "NO", "ONE")
    assert world.http(rest.remove_member, "alice", room_id=LOBBY, user_id="bob").status == 200
    world.pump(until_ms=world.clock.ms)
    primary.stop()
    use(world, replica)
    assert send(world, bob) == "", "the replica still has the old grant"

    world.wait(25)
    assert send(world, bob) == "permission_denied"
    before = len(world.poster.to(bob, "typing"))
    world.clock.ms += 10_000
    world.act(alice, "typing_start", conversation_id=LOBBY)
    world.pump(until_ms=world.clock.ms)
    assert len(world.poster.to(bob, "typing")) == before
