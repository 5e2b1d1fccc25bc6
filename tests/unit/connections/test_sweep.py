"""The sweep: asks the silent, ends the dead, restores what Redis lost."""

from __future__ import annotations

from chalicelib.jobs.delivery import SettlePresence
from chalicelib.jobs.outbound import CheckPresence, ReviveHeartbeat
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId, UserId
from tests.support.socketio import Client
from tests.support.world import World

SILENT_MS = 240_001


def test_only_the_silent_are_asked() -> None:
    world = World()
    silent = world.connect("alice")
    world.clock.ms += SILENT_MS
    lively = world.connect("bob")
    assert world.sweep()["pinged"] == 1
    assert len(world.poster.to(silent, "ping")) == 1
    assert world.poster.to(lively, "ping") == []
    assert world.sweep()["pinged"] == 0, "it was heard of: the post was taken"


def test_the_dead_are_ended_and_the_slow_asked_again() -> None:
    world = World()
    dead, slow = world.connect("alice"), world.connect("bob")
    world.clock.ms += SILENT_MS
    world.poster.script = {dead: [Outcome.GONE], slow: [Outcome.THROTTLED]}
    counts = world.sweep()
    assert (counts["seen"], counts["gone"], counts["pinged"]) == (2, 1, 0)
    assert world.adapters.connections.get(ConnectionId(dead)) is None
    assert world.sweep()["pinged"] == 1


def test_a_heartbeat_of_its_own_is_revived_instead() -> None:
    world = World()
    Client(world, "c=").connect("alice")
    world.adapters.outbound.jobs.clear()
    world.clock.ms += SILENT_MS
    assert world.sweep()["pinged"] == 0
    [job] = [job for job in world.adapters.outbound.jobs if isinstance(job, ReviveHeartbeat)]
    assert job.target.connection_id == "c="


def test_what_redis_lost_is_put_back_and_compared() -> None:
    world = World()
    device = world.connect("alice")
    world.pump()
    world.clock.ms += 120_001
    assert world.sweep()["restored"] == 0
    assert world.adapters.delivery.jobs == []
    world.cache.flush()
    assert world.sweep()["restored"] == 1
    [job] = world.adapters.outbound.jobs
    assert isinstance(job, CheckPresence)
    online = world.cache.online([UserId("alice")])
    assert online.unknown == [], "Redis is warm again: who is not in it is offline"
    assert [target.connection_id for target in online.targets] == [device]


def test_a_fresh_connection_is_compared_again_for_two_minutes() -> None:
    """Its handshake may have died between the registration and the job."""
    world = World()
    world.connect("alice")
    world.adapters.delivery.jobs.clear()
    world.sweep()
    [job] = world.adapters.delivery.jobs
    assert isinstance(job, SettlePresence)
    assert job.user_id == "alice"


def test_without_redis_the_silent_are_asked_all_the_same() -> None:
    world = World()
    silent = world.connect("alice")
    world.clock.ms += SILENT_MS
    world.cache.down = True
    assert world.sweep()["pinged"] == 1
    assert len(world.poster.to(silent, "ping")) == 1
