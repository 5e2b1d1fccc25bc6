"""Putting connections back into Redis: what has ended meanwhile does not come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.connections.restoring import Restorer
from chalicelib.jobs.outbound import CheckPresence
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.connections import Connection
from chalicelib.model.identifiers import ConnectionId
from tests.support.world import World


def restorer(world: World) -> Restorer:
    a = world.adapters
    return Restorer(a.connections, a.cache, a.outbound, a.clock)


def lost(world: World) -> Connection:
    """A connection that Redis has lost."""
    device = world.connect("alice")
    world.cache.flush()
    world.warm()
    world.adapters.outbound.jobs.clear()
    found = world.adapters.connections.get(ConnectionId(device))
    assert found is not None
    return found


def test_an_open_connection_comes_back_and_its_user_is_compared_later() -> None:
    world = World()
    connection = lost(world)
    assert restorer(world).put_back([connection]) == [connection]
    assert world.cache.refresh([connection.target]) == []
    job, _ = world.adapters.outbound.jobs
    assert isinstance(job, CheckPresence)
    assert job.delay_s == 10


def test_one_that_deliveries_did_not_see_gets_a_job() -> None:
    world = World()
    connection = lost(world)
    restorer(world).put_back([connection])
    assert [job.kind for job in world.adapters.outbound.jobs] == ["presence_due", "register"]
    world.adapters.outbound.jobs.clear()
    world.cache.flush()
    restorer(world).put_back([connection])
    assert [job.kind for job in world.adapters.outbound.jobs] == ["presence_due"], "it is cold"


def test_an_ended_one_does_not() -> None:
    world = World()
    connection = lost(world)
    world.adapters.connections.disconnect(connection.connection_id, world.clock.ms)
    assert restorer(world).put_back([connection]) == []
    assert world.cache.refresh([connection.target]) == [connection.target]


def test_a_token_renewed_meanwhile_wins() -> None:
    world = World()
    old = lost(world)
    world.adapters.connections.renew(old.connection_id, old.expires_at_s + 60, ("admin",), 0)
    new = replace(old, expires_at_s=old.expires_at_s + 60, roles=("admin",))
    assert restorer(world).put_back([old]) == [new]
    assert world.cache.frame(old.connection_id, None, None).connection == new


def test_without_redis_it_says_so() -> None:
    world = World()
    connection = lost(world)
    world.cache.down = True
    with pytest.raises(CacheDown):
        restorer(world).put_back([connection])
    assert restorer(world).put_back([]) == []
