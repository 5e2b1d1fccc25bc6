"""Connections from open to close, in the store and in Redis, with the jobs each step leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.connections.lifetime import GRACE_MS
from chalicelib.connections.registry import REGISTER_AGAIN_S
from chalicelib.entrypoints import websocket
from chalicelib.jobs.outbound import CheckPresence, DisconnectUser, LeaveRooms, RegisterConnection
from chalicelib.kernel.errors import RateLimited
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId, Region, UserId
from chalicelib.model.presence import Status
from tests.support.world import World

ALICE = UserId("alice")


def target_of(world: World, device: str) -> Target:
    connection = world.services.connections.known(ConnectionId(device))
    assert connection is not None
    return connection.target


def online(world: World) -> set[str]:
    found = world.cache.online([ALICE])
    assert found.unknown == []
    return {target.connection_id for target in found.targets}


def test_only_the_first_connection_changes_what_friends_see() -> None:
    world = World()
    world.connect("alice")
    assert [job.kind for job in world.adapters.delivery.jobs] == ["presence"]
    world.connect("alice")
    assert len(world.adapters.delivery.jobs) == 1


def test_without_redis_a_job_registers_it_later() -> None:
    world = World()
    world.cache.down = True
    device = world.connect("alice")
    [job] = world.adapters.outbound.jobs
    assert isinstance(job, RegisterConnection)
    assert job.delay_s == REGISTER_AGAIN_S[0]
    world.cache.down = False
    assert online(world) == set()
    world.services.connections.register_again(job)
    assert online(world) == {device}


@pytest.mark.parametrize("away_s", [0.5, 2, 5, 20, 50])
def test_it_is_registered_soon_after_redis_is_back(away_s: float) -> None:
    world = World()
    world.cache.down = True
    device = world.connect("alice")
    world.wait(away_s)
    world.cache.down = False
    world.wait(away_s + 1)
    assert online(world) == {device}


def test_while_redis_stays_away_the_jobs_end() -> None:
    world = World()
    world.cache.down = True
    device = world.connect("alice")
    world.wait(sum(REGISTER_AGAIN_S))
    assert not [job for job in world.adapters.outbound.jobs if isinstance(job, RegisterConnection)]
    world.cache.down = False
    world.sweep()
    assert online(world) == {device}


def test_a_connection_that_ended_is_not_registered_later() -> None:
    world = World()
    world.cache.down = True
    device = world.connect("alice")
    world.wait(2)
    world.disconnect(device)
    world.cache.down = False
    world.wait(60)
    assert online(world) == set()


def test_one_connection_too_many_is_refused_and_not_kept() -> None:
    world = World(max_connections=2)
    devices = {world.connect("alice"), world.connect("alice")}
    event = world.connect_event("third=", world.token("alice"))
    assert websocket.connect(world.services, event)["statusCode"] == RateLimited.status
    assert online(world) == devices
    assert world.services.connections.known(ConnectionId("third=")) is None


def test_connections_that_ended_while_redis_was_away_keep_nobody_out() -> None:
    world = World(max_connections=2)
    devices = [world.connect("alice") for _ in range(2)]
    world.cache.down = True
    for device in devices:
        world.disconnect(device)
    world.cache.down = False
    world.clock.ms += 181_000  # no sweep came, so that nothing vouches for what Redis has
    assert [world.connect("alice") for _ in range(2)]
    event = world.connect_event("third=", world.token("alice"))
    assert websocket.connect(world.services, event)["statusCode"] == RateLimited.status


def test_a_close_leaves_the_jobs_that_end_it_and_is_once() -> None:
    world = World()
    world.room("alice", "bob")
    device = world.connect("alice")
    world.act(device, "join_room", room_id="lobby")
    world.pump()
    assert world.services.connections.close(ConnectionId(device)) is not None
    presence, rooms = world.adapters.outbound.jobs
    assert isinstance(presence, CheckPresence)
    assert presence.delay_s == 10
    assert isinstance(rooms, LeaveRooms)
    assert rooms.rooms == ("lobby",)
    assert online(world) == set()
    assert world.services.connections.close(ConnectionId(device)) is None
    assert len(world.adapters.outbound.jobs) == 2


def test_a_410_is_not_yet_for_a_young_connection_and_the_end_of_an_old_one() -> None:
    world = World()
    device = world.connect("alice")
    target = target_of(world, device)
    assert not world.services.connections.gone(target)
    world.clock.ms += 6_000
    assert world.services.connections.gone(target)
    assert world.services.connections.known(ConnectionId(device)) is None
    assert world.services.connections.gone(target), "again"


def test_a_ghost_that_only_redis_holds_is_dropped() -> None:
    world = World()
    device = world.connect("alice")
    world.cache.down = True
    world.disconnect(device)
    world.cache.down = False
    assert online(world) == {device}
    world.services.connections.drop_ghosts(ALICE)
    assert online(world) == set()


def test_a_move_keeps_rooms_and_is_idempotent() -> None:
    world = World()
    world.room("alice", "bob")
    device = world.connect("alice")
    world.act(device, "join_room", room_id="lobby")
    moved = replace(target_of(world, device), connection_id=ConnectionId("new="))
    for _ in range(2):
        world.services.connections.move(ConnectionId(device), moved)
        assert online(world) == {"new="}
        joined = world.adapters.connections.joined("lobby")  # type: ignore[arg-type]
        assert [target.connection_id for target in joined] == ["new="]
        assert world.services.connections.known(ConnectionId(device)) is None


def test_later_connections_survive_a_disconnection_of_the_user() -> None:
    world = World()
    before = world.connect("alice")
    at_ms = world.clock.ms
    world.clock.ms += 1
    after = world.connect("alice")
    world.services.connections.disconnect_user(DisconnectUser(user_id=ALICE, at_ms=at_ms))
    assert online(world) == {after}
    assert world.poster.closed == [before]


def test_a_process_that_is_stopped_while_it_closes_lets_presence_be_checked_again() -> None:
    """Its job ran while the connection was still stored: it changed nothing."""
    world = World()
    device = world.connect("alice")
    world.pump()
    disconnect = world.adapters.connections.disconnect

    def stopped(*arguments: Any) -> Any:
        world.adapters.connections.disconnect = disconnect
        world.wait(GRACE_MS / 1000 + 1)
        return disconnect(*arguments)

    world.adapters.connections.disconnect = stopped  # type: ignore[method-assign]
    world.services.connections.close(ConnectionId(device))
    world.wait(GRACE_MS / 1000 + 1)
    assert world.adapters.presence.get(ALICE, Region("us-east-1")).status is Status.OFFLINE
