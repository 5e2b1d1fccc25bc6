"""Which connection a frame comes from: from the cache, else from the store."""

from __future__ import annotations

import pytest

from chalicelib.kernel.errors import NotConnected, Unauthorized
from chalicelib.model.access import Charge
from chalicelib.model.connections import FrameContext
from chalicelib.model.identifiers import ConnectionId
from tests.support.world import World

DAYS_MS = 8 * 86_400_000  # the token of World.connect lasts a week


def authenticate(world: World, device: str) -> FrameContext:
    charge = Charge("ping", 1.0, 5, world.clock.ms)
    return world.services.frames.authenticate(ConnectionId(device), None, None, charge)


def test_what_the_cache_forgot_is_read_from_the_store_and_put_back() -> None:
    world = World()
    device = world.connect("alice")
    world.cache.flush()
    for _ in range(2):
        frame = authenticate(world, device)
        assert frame.connection is not None
        assert frame.connection.user_id == "alice"
    context = world.cache.frame(ConnectionId(device), None, None)
    assert context.connection is not None


def test_without_the_cache_the_store_knows() -> None:
    world = World()
    device = world.connect("alice")
    world.cache.down = True
    frame = authenticate(world, device)
    assert frame.connection is not None
    assert (frame.role, frame.version, frame.turn) == (None, None, None)


def test_a_connection_that_nobody_knows() -> None:
    with pytest.raises(NotConnected):
        authenticate(World(), "stranger=")


def test_an_expired_token() -> None:
    world = World()
    device = world.connect("alice")
    world.clock.ms += DAYS_MS
    with pytest.raises(Unauthorized, match="expired"):
        authenticate(world, device)
