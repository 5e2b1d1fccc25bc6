"""Changes of rooms: cached membership is invalidated, once more when Redis was away."""

from __future__ import annotations

from chalicelib.jobs.outbound import InvalidateMembership
from chalicelib.messaging.room_changes import INVALIDATE_AGAIN_S
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.world import World

LOBBY, BOB = RoomId("lobby"), UserId("bob")


def test_while_redis_is_away_a_job_does_it_again() -> None:
    world = World()
    world.room("alice", "bob")
    world.cache.down = True
    world.services.room_changes.invalidate([LOBBY], BOB)
    [job] = world.adapters.outbound.jobs
    assert isinstance(job, InvalidateMembership)
    assert (job.rooms, job.user_id, job.delay_s) == ((LOBBY,), BOB, INVALIDATE_AGAIN_S)
    world.adapters.outbound.jobs.clear()
    world.services.room_changes.invalidate_again(job)
    assert world.adapters.outbound.jobs, "as long as it is away"
    world.cache.down = False
    world.adapters.outbound.jobs.clear()
    world.services.room_changes.invalidate_again(job)
    assert world.adapters.outbound.jobs == []


def test_views_are_closed_of_those_who_left_and_of_nobody_else() -> None:
    world = World()
    world.room("alice", "bob")
    device = world.connect("bob")
    world.act(device, "join_room", room_id="lobby")
    world.services.room_changes.invalidate([LOBBY], BOB)
    assert [t.user_id for t in world.adapters.connections.joined(LOBBY)] == ["bob"]
    world.adapters.rooms.remove_member(LOBBY, BOB)
    world.services.room_changes.invalidate([LOBBY], BOB)
    assert world.adapters.connections.joined(LOBBY) == []
