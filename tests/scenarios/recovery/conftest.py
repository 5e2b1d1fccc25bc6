"""A world with three rooms of alice and bob, and alice, who speaks in them."""

from __future__ import annotations

import pytest

from tests.support.world import World


@pytest.fixture
def world() -> World:
    world = World()
    for room in ("one", "two", "three"):
        world.room("alice", "bob", room_id=room)
    return world


@pytest.fixture
def alice(world: World) -> str:
    return world.connect("alice")
