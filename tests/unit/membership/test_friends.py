"""Friends over HTTP: a friendship holds while both have put it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.membership import friends
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def put(world: World, user: str, other: str) -> Any:
    return world.http(rest.put_friend, user, user_id=other)


def seen(world: World, user: str) -> dict[str, str]:
    listed = world.http(rest.list_friends, user).body["friends"]
    return {friend["user_id"]: friend["status"] for friend in listed}


def test_both_must_put_it_and_either_ends_it(world: World) -> None:
    asked = put(world, "alice", "bob")
    assert (asked.status, asked.body["status"]) == (200, "requested")
    assert seen(world, "alice") == {"bob": "requested"}
    assert seen(world, "bob") == {"alice": "incoming"}
    assert not world.services.friends.are("alice", "bob")
    world.clock.ms += 1_000
    accepted = put(world, "bob", "alice")
    assert accepted.body["status"] == "friends"
    assert accepted.body["since"] > asked.body["since"], "since both have put it"
    assert seen(world, "alice") == {"bob": "friends"}
    assert world.services.friends.are("alice", "bob")
    assert world.services.friends.of("alice") == ["bob"]
    assert world.http(rest.remove_friend, "bob", user_id="alice").status == 200
    assert seen(world, "bob") == {"alice": "incoming"}
    assert world.services.friends.of("alice") == world.services.friends.of("bob") == []


def test_asking_and_ending_twice_is_once(world: World) -> None:
    first = put(world, "alice", "bob")
    world.clock.ms += 5_000
    assert put(world, "alice", "bob").body == first.body
    for _ in range(2):
        assert world.http(rest.remove_friend, "alice", user_id="bob").status == 200
    assert seen(world, "alice") == seen(world, "bob") == {}


def test_nobody_is_his_own_friend(world: World) -> None:
    answer = put(world, "alice", "alice")
    assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize("other", ["no user!", "", ".", "..", "x" * 129, "\x00"])
def test_who_can_be_nobody_s_friend(world: World, other: str) -> None:
    answer = put(world, "alice", other)
    assert (answer.status, answer.body["error"]["code"]) == (400, "bad_request")


def test_there_is_a_most(world: World) -> None:
    for number in range(friends.MAX_FRIENDS):
        world.adapters.friends.put("alice", f"friend{number}", 1)
    answer = put(world, "alice", "one-too-many")
    assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")
    assert put(world, "alice", "friend7").status == 200, "it is there already"
