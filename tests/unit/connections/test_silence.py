"""Silent deaths: only what a client sends shows that it is there."""

from __future__ import annotations

import pytest

from chalicelib.connections.silence import ANSWER_S
from chalicelib.entrypoints.http import rest
from chalicelib.jobs.outbound import EndSilent
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId
from tests.support.interleaving import before
from tests.support.world import World

SEEN_S = 370  # as docs/explanation/presence.md states it


@pytest.fixture
def world() -> World:
    return World()


def live(world: World, seconds: int) -> None:
    """Let time pass with a sweep each minute."""
    for _ in range(seconds // 10):
        if world.clock.ms // 1000 % 60 == 0:
            world.sweep()
        world.wait(10)


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
    [job] = [job for job in world.adapters.outbound.jobs if isinstance(job, EndSilent)]
    assert job.delay_s == ANSWER_S
    world.clock.ms += 1
    world.act(device, "hello")
    for _ in range(2):
        world.services.silence.end(job)
    assert is_known(world, device)


def test_frames_are_noted_every_two_minutes_at_most(world: World) -> None:
    device = world.connect("alice")
    noted = set()
    for _ in range(40):
        world.clock.ms += 10_000
        world.act(device, "hello")
        connection = world.adapters.connections.get(ConnectionId(device))
        assert connection is not None
        noted.add(connection.last_ping_ms)
    assert len(noted) == 4


def test_an_answer_counts_although_the_frame_before_the_ping_could_not_be_noted(
    world: World,
) -> None:
    device = world.connect("alice")
    world.clock.ms += 200_000

    def fails() -> None:
        raise Unavailable("the store does not answer")

    before(world, "connections", "touch", fails)
    world.act(device, "hello")
    world.clock.ms += 41_000
    assert world.sweep()["pinged"] == 1
    world.clock.ms += 1000
    world.act(device, "ping")
    world.wait(61)
    assert is_known(world, device)


def test_a_frame_between_the_sweeps_read_and_its_ping_counts(world: World) -> None:
    device = world.connect("alice")
    world.clock.ms += 241_000
    before(world, "cache", "refresh", lambda: world.act(device, "hello"))
    world.sweep()
    world.wait(61)
    assert is_known(world, device)
