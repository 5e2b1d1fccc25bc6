"""The heartbeat: the ping, its answer, and who does not answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.connections.lifetime import STORED_STALE_MS
from chalicelib.kernel.errors import CacheDown, Unavailable
from chalicelib.model.delivery import Outcome
from tests.support.faults import How, Plan, at_every_call
from tests.support.interleaving import before, failing
from tests.support.socketio import REFUSED, Client, Poller
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_the_heartbeat_asks_and_ends_who_does_not_answer(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    for asked in (1, 2, 3):
        world.wait(240)
        assert client.posted.count("2") == asked
        assert client.say("3") == ""
    assert not client.closed
    world.wait(239)
    assert not client.closed
    world.wait(62)
    assert client.closed
    assert world.adapters.connections.get("s1=") is None


def test_a_repeated_job_does_not_double_the_heartbeat(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    [beat] = [job for job in world.adapters.outbound.jobs if job.kind == "heartbeat"]
    world.adapters.outbound.send([beat])
    world.wait(241)
    assert client.posted.count("2") == 1


def answer(world: World, client: Client, seconds: int) -> int:
    """Let time pass, with a client that answers each ping; return the number of pings."""
    before = client.posted.count("2")
    for _ in range(seconds // 10):
        known = client.posted.count("2")
        world.wait(10)
        if client.posted.count("2") > known:
            client.say("3")
    return client.posted.count("2") - before


@pytest.mark.parametrize("how", How)
def test_whatever_fails_the_heartbeat_goes_on(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        client = Client(world, "s1=")
        client.connect("alice")
        world.wait(235)
        plan = planted(world)
        world.wait(10)
        plan.over = True
        client.say("3")
        answer(world, client, 500)
        assert answer(world, client, 750) == 3, "one chain"
        assert not client.closed
        world.wait(600)
        assert client.closed

    assert "sessions.ping" in at_every_call(how, case)


def test_two_jobs_that_ping_at_the_same_time_leave_one_chain(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    [beat] = [job for job in world.adapters.outbound.jobs if job.kind == "heartbeat"]
    world.clock.ms = beat.due_ms

    def meanwhile() -> None:
        world.clock.ms += 1
        world.services.heartbeats.beat(beat)
        world.clock.ms += 1

    before(world, "sessions", "ping", meanwhile)
    world.services.heartbeats.beat(beat)
    assert client.posted.count("2") == 2
    for asked in (3, 4):
        client.say("3")
        world.wait(240)
        assert client.posted.count("2") == asked


def test_a_heartbeat_that_was_lost_begins_again_with_a_sweep(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    world.adapters.outbound.jobs.clear()
    world.clock.ms += STORED_STALE_MS + 1
    world.sweep()
    world.pump(until_ms=world.clock.ms)
    assert client.posted.count("2") == 1
    client.say("3")
    world.wait(240)
    assert client.posted.count("2") == 2


def test_redis_emptied_in_mid_session(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.cache.flush()
    world.sessions.flush()
    assert client.act("hello", {})["data"]["user_id"] == "alice"
    world.wait(241)
    assert client.posted.count("2") == 0, "heard of when it was found again"
    world.wait(240)
    assert client.posted.count("2") == 1
    assert not client.closed


def test_a_polling_session_that_redis_lost_ends_with_its_connections(world: World) -> None:
    client = Poller(world)
    client.connect("alice")
    world.cache.flush()
    world.sessions.flush()
    assert world.adapters.connections.get(client.sid) is not None
    world.wait(241)
    assert world.adapters.connections.get(client.sid) is None


def test_a_polling_session_that_redis_lost_ends_although_its_heartbeat_was_lost(
    world: World,
) -> None:
    client = Poller(world)
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    world.adapters.outbound.jobs.clear()
    world.sessions.flush()
    world.clock.ms += STORED_STALE_MS + 1
    world.sweep()
    world.pump(until_ms=world.clock.ms)
    assert world.adapters.connections.get(client.sid) is None


def test_redis_away(world: World) -> None:
    world.cache.down = world.sessions.down = True
    client = Client(world, "s1=")
    client.connect("alice")
    assert client.act("hello", {})["ok"] is True
    world.wait(600)
    assert not client.closed
    world.cache.down = world.sessions.down = False
    world.wait(241)
    assert client.act("hello", {})["ok"] is True


def test_a_ping_that_is_refused_is_posted_again(world: World) -> None:
    client = Client(world, "c=")
    world.pump(until_ms=world.clock.ms)
    client.connect("alice")
    world.poster.script["c="] = list(REFUSED)
    world.wait(245)
    assert client.posted[-1:] == ["2"]


def upgrading(world: World) -> Client:
    """A websocket that is about to take over a session of alice."""
    polling = Poller(world)
    polling.connect("alice")
    websocket = Client(world, "w=", sid=polling.sid)
    assert websocket.say("2probe") == "3probe"
    return websocket


def is_missed(world: World, websocket: Client) -> bool:
    """Whether somebody notices that its socket is gone, although no event says so."""
    assert len(world.adapters.connections.of_user("alice")) == 1
    world.poster.rule = lambda sid: Outcome.GONE if sid == websocket.sid else None
    world.wait(260)
    return world.adapters.connections.of_user("alice") == []


@pytest.mark.parametrize("effect", [True, False])
def test_an_upgrade_whose_last_write_fails_has_a_heartbeat(world: World, effect: bool) -> None:
    websocket = upgrading(world)
    with failing(world, "sessions", "open", 1, CacheDown("no answer"), effect=effect):
        assert websocket.say("5") == ""
    assert is_missed(world, websocket)


def test_an_upgrade_whose_heartbeat_cannot_be_queued_gets_one_from_its_job(world: World) -> None:
    websocket = upgrading(world)
    away = Unavailable("the queue is away")  # after it took the job that repeats the hand-over
    with failing(world, "outbound", "send", 2, away, effect=False):
        assert websocket.say("5") == ""
    world.wait(12)
    assert is_missed(world, websocket)
