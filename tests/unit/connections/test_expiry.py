"""A token's end on an open connection: told before, renewed or closed 25 s after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jwt
import pytest

from chalicelib.connections.lifetime import EXPIRING_S, TOKEN_GRACE_S
from chalicelib.entrypoints import queues, schedules
from chalicelib.jobs.outbound import EndSilent, ExpireConnection
from chalicelib.kernel import times
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId
from tests.support.faults import How, Plan, at_every_call
from tests.support.world import SECRET, START_MS, World, record

LIFE_S = 600
END_S = START_MS // 1000 + LIFE_S


@pytest.fixture
def world() -> World:
    return World()


def sweep(world: World) -> dict[str, int]:
    counts = schedules.sweep(world.services, {"id": "s"})
    jobs = world.adapters.outbound.jobs  # all here are silent: test_silence.py
    jobs[:] = [job for job in jobs if not isinstance(job, EndSilent)]
    return counts


def run_jobs(world: World) -> list[int]:
    """Run the waiting jobs when they are due; the delays of those that end connections."""
    jobs, world.adapters.outbound.jobs[:] = list(world.adapters.outbound.jobs), []
    now_ms = world.clock.ms
    for job in jobs:
        world.clock.ms = now_ms + job.delay_s * 1000
        queues.outbound(world.services, {"Records": [record(job)]})
    return [job.delay_s for job in jobs if isinstance(job, ExpireConnection)]


def unwatched(world: World, user: str) -> str:
    """Connect a device whose own job is lost, so that only the sweep is left."""
    device = world.connect(user, exp=END_S)
    world.adapters.outbound.jobs.clear()
    return device


def test_it_is_told_before_and_closed_after(world: World) -> None:
    alice = unwatched(world, "alice")
    sweep(world)
    assert world.poster.to(alice, "token_expiring") == []
    world.clock.ms += (LIFE_S - EXPIRING_S) * 1000
    assert sweep(world)["expiring"] == 1
    assert world.poster.to(alice, "token_expiring") == [{"expires_at": times.iso(END_S * 1000)}]
    assert run_jobs(world) == [EXPIRING_S + TOKEN_GRACE_S]
    assert world.poster.closed == [alice]
    assert world.adapters.connections.get(alice) is None


def test_a_renewed_connection_stays(world: World) -> None:
    alice = world.connect("alice", exp=END_S)
    world.clock.ms += (LIFE_S - 30) * 1000
    sweep(world)
    later_s = 30 * 86_400
    ack = world.act(alice, "refresh_token", token=world.token("alice", later_s, roles=["admin"]))
    run_jobs(world)
    assert world.poster.closed == []
    stored = world.adapters.connections.get(alice)
    assert stored.roles == ("admin",)
    assert ack == {"expires_at": times.iso(stored.expires_at_s * 1000)}
    assert world.act(alice, "hello")["expires_at"] == ack["expires_at"], "the cache knows it too"


def test_a_job_that_comes_before_the_end_closes_nothing(world: World) -> None:
    alice = world.connect("alice", exp=END_S)
    for known in (alice, "never="):
        job = ExpireConnection(connection_id=ConnectionId(known))
        world.services.expiry.expire(job)
    assert world.poster.closed == []


def test_a_short_token_ends_on_time_without_a_sweep(world: World) -> None:
    alice = world.connect("alice", exp=START_MS // 1000 + 10)
    world.wait(1)
    assert len(world.poster.to(alice, "token_expiring")) == 1, "at once"
    world.wait(8 + TOKEN_GRACE_S)
    assert world.poster.closed == []
    world.wait(1)
    assert world.poster.closed == [alice]


def test_a_connection_that_the_job_missed_is_closed_by_the_next_sweep(world: World) -> None:
    alice = unwatched(world, "alice")
    world.clock.ms += (LIFE_S + TOKEN_GRACE_S + 1) * 1000
    assert sweep(world)["expiring"] == 0, "too late to tell"
    assert run_jobs(world) == [0]
    assert world.poster.closed == [alice]


def test_another_user_s_token_is_refused(world: World) -> None:
    alice = world.connect("alice", exp=END_S)
    answer = world.ask(alice, "refresh_token", token=world.token("bob"))
    assert answer["data"]["code"] == "permission_denied"
    assert world.adapters.connections.get(alice).expires_at_s == END_S


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 8192])
def test_a_bad_token_is_refused_and_the_old_one_still_holds(world: World, token: str) -> None:
    alice = world.connect("alice", exp=END_S)
    assert world.ask(alice, "refresh_token", token=token)["data"]["code"] == "unauthorized"
    assert world.act(alice, "hello")


def test_within_the_grace_a_token_can_still_be_renewed(world: World) -> None:
    alice = world.connect("alice", exp=END_S)
    world.clock.ms += (LIFE_S + TOKEN_GRACE_S - 1) * 1000
    world.act(alice, "refresh_token", token=world.token("alice"))
    world.clock.ms += 60_000
    assert world.act(alice, "hello")


@pytest.mark.parametrize("again", ["hello", "refresh_token"])
def test_a_renewal_that_redis_did_not_hear_of_holds(world: World, again: str) -> None:
    """It was away, and came back with the connection as it had been."""
    alice = world.connect("alice", exp=END_S)
    token = {"token": world.token("alice")}
    world.cache.down = True
    world.act(alice, "refresh_token", **token)
    world.cache.down = False
    world.clock.ms += (LIFE_S + TOKEN_GRACE_S + 1) * 1000
    world.cache.register(replace(world.adapters.connections.get(alice), expires_at_s=END_S))
    assert world.act(alice, again, **(token if again == "refresh_token" else {}))
    world.adapters.connections.disconnect(alice, world.clock.ms)
    assert world.act(alice, "hello"), "the cache knows it now"


def test_who_has_not_renewed_is_refused_by_the_store_too(world: World) -> None:
    alice = world.connect("alice", exp=END_S)
    world.clock.ms += (LIFE_S + TOKEN_GRACE_S) * 1000
    for _ in range(2):
        assert world.ask(alice, "hello")["data"]["code"] == "unauthorized"
    world.adapters.connections.disconnect(alice, world.clock.ms)
    assert world.ask(alice, "hello")["data"]["code"] == "unauthorized"


@pytest.mark.parametrize("life_s", [121, 600, 3_599, 7_199])
def test_a_chain_of_jobs_warns_in_time_without_a_sweep(world: World, life_s: int) -> None:
    alice = world.connect("alice", exp=START_MS // 1000 + life_s)
    world.wait(life_s - EXPIRING_S - 1)
    assert world.poster.to(alice, "token_expiring") == []
    world.wait(2)
    assert len(world.poster.to(alice, "token_expiring")) == 1
    world.wait(EXPIRING_S + TOKEN_GRACE_S)
    assert len(world.poster.to(alice, "token_expiring")) == 1
    assert world.poster.closed == [alice]
    [told] = world.poster.to(alice, "reconnect")
    assert told["reason"] == "token_expired"


def test_no_job_waits_longer_than_sqs_allows_nor_for_a_token_that_outlives_it(world: World) -> None:
    world.connect("alice", exp=START_MS // 1000 + 7_200)
    assert [job.delay_s for job in world.adapters.outbound.jobs] == [900]
    world.connect("bob", exp=START_MS // 1000 + 7_201)
    assert len(world.adapters.outbound.jobs) == 1


def test_a_renewal_makes_the_old_job_do_nothing_and_has_one_of_its_own(world: World) -> None:
    alice = world.connect("alice", exp=END_S)
    world.wait(LIFE_S - EXPIRING_S - 10)
    again_s = END_S + 1_000
    token = jwt.encode({"sub": "alice", "exp": again_s}, SECRET, algorithm="HS256")
    world.act(alice, "refresh_token", token=token)
    world.wait(EXPIRING_S)
    assert world.poster.to(alice, "token_expiring") == []
    world.wait(1_000)
    assert world.poster.to(alice, "token_expiring") == [{"expires_at": times.iso(again_s * 1000)}]
    world.wait(EXPIRING_S)
    assert world.poster.closed == [alice]


def test_a_warning_waits_for_a_websocket_that_is_not_open_yet(world: World) -> None:
    alice = world.connect("alice", exp=START_MS // 1000 + 60)
    world.poster.script[alice] = [Outcome.GONE, Outcome.THROTTLED]
    world.wait(3)
    assert len(world.poster.to(alice, "token_expiring")) == 1


def test_an_upgraded_session_is_warned_too(world: World) -> None:
    alice = world.connect("alice", exp=END_S)
    known = world.adapters.connections.get(ConnectionId(alice))
    moved = replace(known.target, connection_id=ConnectionId("new="))
    world.services.connections.move(ConnectionId(alice), moved)
    world.wait(LIFE_S - EXPIRING_S + 1)
    assert len(world.poster.to("new=", "token_expiring")) == 1
    assert world.poster.to(alice, "token_expiring") == []


@pytest.mark.parametrize("how", How)
def test_it_is_warned_and_closed_whatever_fails_once(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        alice = world.connect("alice", exp=END_S)
        world.pump(until_ms=world.clock.ms)
        plan = planted(world)
        world.wait(LIFE_S + TOKEN_GRACE_S + 1)
        plan.over = True
        assert world.poster.to(alice, "token_expiring")
        assert alice in world.poster.closed

    assert {"outbound.send", "connections.disconnect"} <= set(at_every_call(how, case))
