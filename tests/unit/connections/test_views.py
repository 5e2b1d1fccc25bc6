"""Who has a room open."""

from __future__ import annotations

import pytest

from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_joining_and_leaving_is_told_once_a_user(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "join_room", room_id="lobby")
    world.act(bob, "join_room", room_id="lobby")
    second = world.connect("bob")
    world.act(second, "join_room", room_id="lobby")
    world.pump()
    world.disconnect(bob)
    world.pump()
    assert [e["user_id"] for e in world.poster.to(alice, "user_joined")] == ["bob"]
    assert world.poster.to(alice, "user_left") == []
    world.act(second, "leave_room", room_id="lobby")
    world.pump()
    assert [e["user_id"] for e in world.poster.to(alice, "user_left")] == ["bob"]
