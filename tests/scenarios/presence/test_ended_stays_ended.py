"""A connection that ends while others put it into Redis does not come back (finding C5a).

Each place reads a connection from the store and writes it to Redis afterwards; here it ends in
between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.connections.lifetime import NOTED_EVERY_MS
from chalicelib.jobs.outbound import RegisterConnection
from chalicelib.model.identifiers import ConnectionId, UserId
from chalicelib.model.presence import Status
from tests.support.interleaving import before
from tests.support.world import Killed, World

ALICE = UserId("alice")


def ghosts(world: World) -> list[str]:
    found = world.cache.devices(ALICE)
    assert found is not None
    return ["online"] * found.connected


def sweeps(world: World, _: str) -> None:
    world.sweep()


def registers_again(world: World, device: str) -> None:
    job = RegisterConnection(connection_id=ConnectionId(device))
    world.services.connections.register_again(job)


def sends_a_frame(world: World, device: str) -> None:
    world.ask(device, "hello")


def pings(world: World, device: str) -> None:
    connection = world.adapters.connections.get(ConnectionId(device))
    assert connection is not None
    world.clock.ms += NOTED_EVERY_MS
    world.services.connections.heard(connection, 0)


def renews_its_token(world: World, device: str) -> None:
    world.ask(device, "refresh_token", token=world.token("alice"))


PLACES = [sweeps, registers_again, sends_a_frame, pings]


@pytest.mark.parametrize("place", PLACES)
def test_it_ends_before_it_is_written(place: Callable[[World, str], None]) -> None:
    world = World()
    device = world.connect("alice")
    world.pump()
    world.cache.flush()
    world.warm()
    before(world, "cache", "restore", lambda: world.disconnect(device))
    place(world, device)
    world.warm()
    assert ghosts(world) == []
    world.pump()
    assert world.services.presences.of([ALICE])[0].status is Status.OFFLINE


def test_it_ends_before_its_new_token_is_written() -> None:
    world = World()
    device = world.connect("alice")
    before(world, "cache", "renew", lambda: world.disconnect(device))
    renews_its_token(world, device)
    assert ghosts(world) == []


def test_its_websocket_ends_before_an_upgrade_is_written() -> None:
    world = World()
    device = world.connect("alice")
    connection = world.adapters.connections.get(ConnectionId(device))
    assert connection is not None
    moved = replace(connection.target, connection_id=ConnectionId("new="))
    before(world, "cache", "move", lambda: world.disconnect("new="))
    world.services.connections.move(ConnectionId(device), moved)
    assert ghosts(world) == []


def test_a_handshake_is_frozen_until_its_connection_has_ended() -> None:
    world = World()

    def freeze() -> None:
        world.services.connections.close(ConnectionId("conn-alice-1="))
        world.wait(60)

    before(world, "cache", "register", freeze)
    world.connect("alice")
    assert ghosts(world) == []


@pytest.mark.parametrize("place", PLACES)
def test_the_process_dies_before_it_compares(place: Callable[[World, str], None]) -> None:
    world = World()
    device = world.connect("alice")
    world.pump()
    world.cache.flush()

    def die() -> None:
        world.disconnect(device)
        world.cache.restore([connection])  # what the process has written
        raise Killed

    connection = world.adapters.connections.get(ConnectionId(device))
    assert connection is not None
    before(world, "connections", "live", die)
    with pytest.raises(Killed):
        place(world, device)
    world.warm()
    world.pump()
    assert ghosts(world) == []
    assert world.services.presences.of([ALICE])[0].status is Status.OFFLINE
