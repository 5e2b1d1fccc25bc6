"""Silent deaths: only what a client sends shows that it is there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.jobs.outbound import EndSilent
from chalicelib.kernel.errors import CacheDown, Unavailable
from chalicelib.model.connections import STALE_MS
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId
from tests.support.counting import counted
from tests.support.faults import How, Plan, at_every_call
from tests.support.interleaving import before
from tests.support.world import Killed, World

# As docs/explanation/presence.md states them.
SEEN_S = 370
UNKNOWN_S, AWAY_S = 1_630, 1_330  # Redis loses the signs of life, Redis is away


@pytest.fixture
def world() -> World:
    return World()


def live(world: World, seconds: int) -> None:
    """Let time pass with a sweep each minute."""
    for _ in range(seconds // 10):
        minute = world.clock.ms // 60_000
        world.wait(10)
        if world.clock.ms // 60_000 > minute:
            world.sweep()


def is_known(world: World, device: str) -> bool:
    return world.adapters.connections.get(ConnectionId(device)) is not None


@pytest.mark.parametrize("posts", [Outcome.DELIVERED, Outcome.GONE])
def test_a_silent_death_is_seen_in_the_stated_time(world: World, posts: Outcome) -> None:
    for one, other in (("alice", "bob"), ("bob", "alice")):
        world.http(rest.put_friend, one, user_id=other)
    alice, bob = world.connect("alice"), world.connect("bob")
    world.wait(30)
    world.poster.script[alice] = [posts] * 99
    for _ in range(SEEN_S // 10):
        world.act(bob, "ping")
        live(world, 10)
    statuses = [e["status"] for e in world.poster.to(bob, "friend_status_update")]
    assert statuses[-1] == "offline"
    assert is_known(world, bob)
    assert (alice in world.poster.closed) is (posts is Outcome.DELIVERED)


@pytest.mark.parametrize("action", ["ping", "hello", "join_room"])
def test_any_frame_shows_that_it_is_there(world: World, action: str) -> None:
    world.room("alice")
    device = world.connect("alice")
    for _ in range(4):
        live(world, 310)
        world.act(device, action, **({"room_id": "lobby"} if action == "join_room" else {}))
    assert is_known(world, device)
    assert world.poster.to(device, "ping"), "it was asked, and answered"
    live(world, SEEN_S + 60)
    assert not is_known(world, device)


def test_nobody_is_ended_who_could_not_be_asked(world: World) -> None:
    """The account's requests are used up for an hour."""
    device = world.connect("alice")
    world.poster.script[device] = [Outcome.BUSY] * 999
    live(world, 3_600)
    assert is_known(world, device)


def test_a_late_or_repeated_job_ends_nobody_who_answered(world: World) -> None:
    device = world.connect("alice")
    world.clock.ms += 300_000
    world.sweep()
    world.clock.ms += 59_000
    world.sweep()
    [job] = [job for job in world.adapters.outbound.jobs if isinstance(job, EndSilent)]
    assert job.delay_s == 1
    world.clock.ms += 1_001
    world.act(device, "hello")
    for _ in range(2):
        world.services.silence.end(job)
    assert is_known(world, device)


def test_who_answers_takes_no_job_and_no_write(world: World) -> None:
    device = world.connect("alice")
    live(world, 180)
    ports = counted(world)
    for seconds in (140, 300):
        live(world, seconds)
        world.act(device, "ping")
    asked = world.poster.to(device, "ping")
    assert len(asked) == 2
    calls = ports["connections"].calls
    assert not {"touch", "look_later", "get"} & set(calls)
    assert not [job for job in world.adapters.outbound.jobs if isinstance(job, EndSilent)]


def test_frames_are_noted_each_minute_and_stored_every_15_minutes(world: World) -> None:
    device = world.connect("alice")
    ports = counted(world)
    for _ in range(180):
        world.clock.ms += 10_000
        world.act(device, "hello")
    assert ports["connections"].calls.count("touch") == 2
    assert ports["cache"].calls.count("note") == 30


def asked(world: World) -> str:
    """A device that is asked now."""
    device = world.connect("alice")
    world.clock.ms += 241_000
    assert world.sweep()["pinged"] == 1
    world.clock.ms += 1_000
    return device


def test_an_answer_that_redis_does_not_take_is_stored(world: World) -> None:
    device = asked(world)
    world.cache.down = True
    world.act(device, "ping")
    world.cache.down = False
    live(world, 180)
    assert is_known(world, device)
    live(world, SEEN_S)
    assert not is_known(world, device)


def test_an_answer_to_a_process_that_cannot_note_it_is_stored(world: World) -> None:
    device = asked(world)

    def fails() -> None:
        raise CacheDown("this node does not answer")

    before(world, "cache", "note", fails)
    world.act(device, "ping")
    live(world, 180)
    assert is_known(world, device)


def test_an_answer_that_a_failover_has_lost(world: World) -> None:
    device = asked(world)
    replica = world.cache.replica()
    world.act(device, "ping")
    world.cache.fail_over(replica)
    live(world, 100)
    assert is_known(world, device)
    assert len(world.poster.to(device, "ping")) == 2, "it is asked again"
    world.act(device, "ping")
    live(world, 120)
    assert is_known(world, device)


def test_an_answer_to_an_earlier_version_is_only_in_the_store(world: World) -> None:
    device = asked(world)
    now_ms = world.clock.now_ms()
    world.adapters.connections.touch(ConnectionId(device), now_ms, now_ms + STALE_MS)
    live(world, 180)
    assert is_known(world, device)
    live(world, 240)
    assert not is_known(world, device), "it was asked again"


def test_a_sign_of_life_that_cannot_be_stored_counts(world: World) -> None:
    device = world.connect("alice")

    def fails() -> None:
        raise Unavailable("the store does not answer")

    for _ in range(30):
        before(world, "connections", "touch", fails)
        live(world, 100)
        world.act(device, "hello")
    assert is_known(world, device)


@pytest.mark.parametrize("losses", [(200,), range(100, 1_500, 170)], ids=["once", "often"])
def test_redis_is_lost(world: World, losses: Sequence[int]) -> None:
    """The living stay connected, the dead are found in the stated time."""
    living, dead = world.connect("bob"), world.connect("alice")
    until_s = UNKNOWN_S if len(losses) > 1 else losses[0] + 60 + SEEN_S
    for second in range(0, until_s, 10):
        if second in losses:
            world.cache.flush()
        if second % 200 == 0:
            world.act(living, "ping")
        live(world, 10)
    assert is_known(world, living)
    assert not is_known(world, dead)


def test_redis_is_away(world: World) -> None:
    living, dead = world.connect("bob"), world.connect("alice")
    world.cache.down = True
    for _ in range(AWAY_S // 10):
        if world.clock.ms // 1000 % 200 == 0:
            world.act(living, "ping")
        live(world, 10)
    assert is_known(world, living)
    assert not is_known(world, dead)


@pytest.mark.parametrize("how", How)
def test_whatever_fails_the_living_stay_and_the_dead_end(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        living, dead = world.connect("bob"), world.connect("alice")
        live(world, 290)
        plan = planted(world)
        with contextlib.suppress(Killed, Unavailable):
            world.sweep()
        world.wait(5)
        for _ in range(2):
            with contextlib.suppress(Killed, Unavailable):
                world.ask(living, "ping")
        for _ in range(2):
            world.wait(60)
            with contextlib.suppress(Killed, Unavailable):
                world.sweep()
        plan.over = True
        world.act(living, "ping")
        for _ in range(8):
            live(world, 60)
            world.act(living, "ping")
        assert is_known(world, living)
        assert not is_known(world, dead)

    assert "cache.note_asked" in at_every_call(how, case)


def test_a_frame_between_the_sweeps_read_and_its_ping_counts(world: World) -> None:
    device = world.connect("alice")
    world.clock.ms += 241_000
    before(world, "cache", "refresh", lambda: world.act(device, "hello"))
    world.sweep()
    world.wait(61)
    assert is_known(world, device)
