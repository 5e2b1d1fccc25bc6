"""The sweep: asks the silent, ends the dead, restores what Redis lost."""

from __future__ import annotations

from chalicelib.connections.lifetime import STORED_STALE_MS
from chalicelib.connections.sweep import RUN_MS
from chalicelib.jobs.delivery import SettlePresence
from chalicelib.jobs.outbound import CheckPresence, SweepBucket
from chalicelib.jobs.sessions import ReviveHeartbeat
from chalicelib.kernel.ids import BUCKETS
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId, UserId
from tests.support.counting import counted
from tests.support.socketio import Client
from tests.support.world import START_MS, World

SILENT_MS = 240_001


def test_only_the_silent_are_asked() -> None:
    world = World()
    silent = world.connect("alice")
    world.clock.ms += SILENT_MS
    lively = world.connect("bob")
    assert world.sweep()["pinged"] == 1
    assert len(world.poster.to(silent, "ping")) == 1
    assert world.poster.to(lively, "ping") == []
    noted_ms = world.adapters.connections.get(ConnectionId(silent)).last_ping_ms
    assert noted_ms < world.clock.ms - SILENT_MS + 1, "that it took the post shows nothing"
    assert world.sweep()["pinged"] == 0, "it was asked; only its answer counts"
    world.act(silent, "hello")
    assert world.sweep()["pinged"] == 0


def test_the_dead_are_ended_and_the_slow_asked_again() -> None:
    world = World()
    dead, slow = world.connect("alice"), world.connect("bob")
    world.clock.ms += SILENT_MS
    world.poster.script = {dead: [Outcome.GONE], slow: [Outcome.THROTTLED]}
    counts = world.sweep()
    assert (counts["gone"], counts["pinged"]) == (1, 0)
    assert world.adapters.connections.get(ConnectionId(dead)) is None
    assert world.sweep()["pinged"] == 1
    world.wait(60)
    world.sweep()
    world.pump(until_ms=world.clock.ms)
    assert world.adapters.connections.get(ConnectionId(slow)) is None


def test_a_heartbeat_of_its_own_is_revived_instead() -> None:
    world = World()
    Client(world, "c=").connect("alice")
    world.adapters.outbound.jobs.clear()
    world.clock.ms += STORED_STALE_MS + 1
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


def test_without_redis_those_who_were_silent_for_long_are_asked_all_the_same() -> None:
    world = World()
    silent = world.connect("alice")
    world.clock.ms += STORED_STALE_MS + 1
    world.cache.down = True
    assert world.sweep()["pinged"] == 1
    assert len(world.poster.to(silent, "ping")) == 1


def test_who_was_looked_at_is_left_alone_for_a_while() -> None:
    world = World()
    world.connect("alice")
    assert [world.sweep()["seen"] for _ in range(2)] == [1, 1], "it is new"
    world.clock.ms += 130_000
    assert world.sweep()["seen"] == 1
    assert world.sweep()["seen"] == 0
    world.clock.ms += SILENT_MS - 130_000
    counts = world.sweep()
    assert (counts["seen"], counts["pinged"]) == (0, 1), "Redis knows who is silent"
    world.cache.down = True
    world.clock.ms += STORED_STALE_MS
    counts = world.sweep()
    assert (counts["seen"], counts["pinged"]) == (1, 1)
    assert world.sweep()["seen"] == 0


def test_what_it_has_no_time_for_is_left_to_jobs() -> None:
    world = World()
    for number in range(40):
        world.connect(f"user{number}")
    world.pump()
    world.cache.flush()
    epochs = world.cache.begin

    def slow(bucket: int) -> str:
        world.clock.ms += RUN_MS // 10
        return epochs(bucket)

    world.cache.begin = slow  # type: ignore[method-assign]
    assert world.sweep()["left"] == BUCKETS - 10
    left = [job for job in world.adapters.outbound.jobs if isinstance(job, SweepBucket)]
    assert len(left) == BUCKETS - 10
    assert sum(state.warm for state in world.cache.keep_warm()) == 10, "what was filled stays"
    world.pump()
    assert all(state.warm for state in world.cache.keep_warm())


def test_silent_ones_it_has_no_time_to_ask_are_left_to_jobs() -> None:
    world = World()
    devices = [world.connect(f"user{number}") for number in range(40)]
    for _ in range(4):
        world.clock.ms += 61_000
        world.sweep() if world.clock.ms < START_MS + SILENT_MS else None
        world.pump(until_ms=world.clock.ms)
    world.adapters.outbound.jobs.clear()

    def slow(connection_id: ConnectionId) -> None:
        world.clock.ms += RUN_MS // 9

    world.poster.rule = slow
    counts = world.sweep()
    left = [job for job in world.adapters.outbound.jobs if isinstance(job, SweepBucket)]
    assert 9 <= counts["pinged"] < 40
    assert len(left) == counts["left"] > 0
    world.poster.rule = lambda _: None
    world.pump(until_ms=world.clock.ms)
    assert [len(world.poster.to(each, "ping")) for each in devices] == [1] * 40


def test_heartbeats_are_stored_now_and_then_and_never_too_late() -> None:
    world = World()
    device = world.connect("alice")
    ports = counted(world)
    for _ in range(144):  # an hour of pings
        world.clock.ms += 25_000
        world.act(device, "ping")
    assert ports["connections"].calls.count("touch") == 4
    world.cache.flush()
    assert world.sweep()["pinged"] == 0, "without Redis it is not taken for silent either"


def test_a_session_that_only_beats_for_hours_is_stored_four_times_an_hour() -> None:
    world = World()
    Client(world, "c=").connect("alice")
    ports = counted(world)
    for _ in range(3 * 144):
        world.clock.ms += 25_000
        world.services.connections.touch([ConnectionId("c=")])
    assert ports["connections"].calls.count("touch") in range(11, 14)
    world.cache.flush()
    world.services.connections.touch([ConnectionId("c=")])
    world.warm()
    assert world.cache.devices(UserId("alice")).connected == 1, "its pong puts it back"
