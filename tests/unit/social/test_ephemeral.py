"""Typing over a queue that keeps no order: nobody is shown typing who is not."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.jobs.outbound import EndTyping, TellTyping
from chalicelib.model.identifiers import ConnectionId, RoomId, UserId
from tests.support.interleaving import failing
from tests.support.world import Killed, World


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    return world


def types(world: World, device: str, action: str = "typing_start") -> None:
    world.act(device, action, conversation_id="lobby")


def seen(world: World, device: str) -> list[bool]:
    return [each["is_typing"] for each in world.poster.to(device, "typing")]


@pytest.fixture
def alice(world: World) -> str:
    return world.connect("alice")


@pytest.fixture
def bob(world: World) -> str:
    device = world.connect("bob")
    world.act(device, "join_room", room_id="lobby")
    world.pump()
    return device


def test_who_goes_on_typing_is_shown_so_all_the_time(world: World, alice: str, bob: str) -> None:
    for _ in range(3):
        types(world, alice)
        world.wait(4)
    assert seen(world, bob) == [True, True, True]
    world.wait(3)
    assert seen(world, bob) == [True, True, True, False]


def test_what_changes_nothing_is_posted_to_nobody(world: World, alice: str, bob: str) -> None:
    for _ in range(20):
        types(world, alice)
        world.wait(0.1)
    assert seen(world, bob) == [True]
    for _ in range(5):
        types(world, alice, "typing_stop")
        world.wait(0.1)
    assert seen(world, bob) == [True, False]
    types(world, alice)
    world.wait(0.1)
    assert seen(world, bob) == [True, False, True]


def test_a_room_that_is_opened_again_is_told_to_nobody(world: World, alice: str, bob: str) -> None:
    for action in ("join_room", "leave_room"):
        for _ in range(5):
            world.act(alice, action, room_id="lobby")
            world.wait(0.1)
    assert len(world.poster.to(bob, "user_joined")) == 1
    assert len(world.poster.to(bob, "user_left")) == 1


def test_a_status_that_is_chosen_again_is_told_to_nobody(world: World, alice: str) -> None:
    for one, other in (("alice", "bob"), ("bob", "alice")):
        world.http(rest.put_friend, one, user_id=other)
    friend = world.connect("bob")
    world.pump()
    before = len(world.poster.to(friend, "friend_status_update"))
    for _ in range(5):
        world.act(alice, "set_status", status="away")
        world.wait(1)
    assert len(world.poster.to(friend, "friend_status_update")) == before + 1


def test_a_stop_that_a_newer_start_overtook_is_dropped(world: World, alice: str, bob: str) -> None:
    types(world, alice, "typing_stop")
    [stop] = world.adapters.outbound.jobs
    world.clock.ms += 10
    types(world, alice)
    world.adapters.outbound.jobs.remove(stop)
    world.wait(1)
    world.adapters.outbound.jobs.append(stop)
    world.wait(1)
    assert seen(world, bob) == [True]


def test_one_that_waited_too_long_is_dropped(world: World, alice: str, bob: str) -> None:
    types(world, alice)
    world.clock.ms += 15_001
    world.pump()
    assert seen(world, bob) == []


def test_typing_ends_by_itself_when_the_stop_never_comes(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(bob, "join_room", room_id="lobby")
    world.act(alice, "typing_start", conversation_id="lobby")
    world.pump()
    assert [got["is_typing"] for got in world.poster.to(bob, "typing")] == [True, False]


def job_of(world: World, device: str, is_typing: bool) -> TellTyping:
    return TellTyping(
        room_id=RoomId("lobby"),
        user_id=UserId("alice"),
        origin=ConnectionId(device),
        is_typing=is_typing,
        at_ms=world.clock.ms,
    )


@pytest.mark.parametrize("step", ["start", "stop", "end"])
def test_what_an_attempt_noted_and_did_not_post_the_next_one_posts(
    world: World, alice: str, bob: str, step: str
) -> None:
    """The process of the first one died in between."""
    start = job_of(world, alice, True)
    if step != "start":
        world.services.ephemeral.tell_typing(start, 1)
    stop = job_of(world, alice, False)

    def work(attempt: int) -> None:
        typing = world.services.ephemeral
        if step == "end":
            typing.end_typing(EndTyping(**asdict(start)), attempt)
        else:
            typing.tell_typing(start if step == "start" else stop, attempt)

    before = seen(world, bob)
    with failing(world, "poster", "post", 1, Killed(), effect=False), pytest.raises(Killed):
        work(1)
    work(2)
    assert seen(world, bob) == [*before, step == "start"]


def test_a_start_that_a_newer_one_overtook_is_not_shown_by_a_later_attempt(
    world: World, alice: str, bob: str
) -> None:
    old = job_of(world, alice, True)
    world.clock.ms += 1
    world.services.ephemeral.tell_typing(job_of(world, alice, True), 1)
    world.services.ephemeral.tell_typing(old, 2)
    assert seen(world, bob) == [True]
