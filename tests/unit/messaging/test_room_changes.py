"""Changes of rooms: cached membership is invalidated, once more when Redis was away."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.jobs.outbound import CheckRoomChange, InvalidateMembership
from chalicelib.messaging.fanout import PARTS, part_of
from chalicelib.messaging.room_changes import INVALIDATE_AGAIN_S
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.deliveries import USERS, jobs, large, send, serve
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


def told(world: World, device: str) -> list[str]:
    return [event["change"] for event in world.poster.to(device, "room_updated")]


def change(world: World, member: str, endpoint: rest.Endpoint) -> None:
    """Add or remove a member, and serve the announcement alone."""
    parts = {"room_id": "lobby"}
    body = {"user_id": member} if endpoint is rest.add_member else None
    if body is None:
        parts["user_id"] = member
    assert world.http(endpoint, "alice", body, **parts).status < 300
    assert serve(world, *jobs(world, "room_updated"))


def test_a_large_room_is_told_in_parts_each_device_once() -> None:
    world, alice, devices = large()
    before = world.poster.calls
    change(world, "zoe", rest.add_member)
    assert world.poster.calls == before, "the room's own group posts to nobody"
    parts = jobs(world, "room_updated_part")
    assert len({job.group for job in parts}) == len({job.dedupe for job in parts}) == PARTS
    for number, job in enumerate(parts):
        before = world.poster.calls
        assert serve(world, job)
        in_part = [user for user in ["alice", *USERS] if part_of(UserId(user)) == number]
        assert world.poster.calls - before == len(in_part)
    assert [told(world, device) for device in [alice, *devices]] == [["member_added"]] * 25


def test_messages_do_not_wait_for_an_announcement() -> None:
    world, alice, devices = large()
    change(world, "zoe", rest.add_member)
    send(world, alice, "one")
    assert serve(world, *jobs(world, "entry"))
    groups = {job.group for job in jobs(world, "room_part")}
    assert not groups & {job.group for job in jobs(world, "room_updated_part")}
    for job in jobs(world, "room_part"):
        assert serve(world, job)
    assert all(world.poster.to(device, "message_received") for device in devices)
    assert not any(told(world, device) for device in devices)


@pytest.mark.parametrize("posts", range(0, 26, 5))
def test_a_worker_that_dies_tells_only_its_part_again(posts: int) -> None:
    world, alice, devices = large()
    change(world, "zoe", rest.add_member)
    world.poster.dies_in(posts)
    died = [job for job in jobs(world, "room_updated_part") if not serve(world, job)]
    world.poster.dies_in(None)
    world.pump(until_ms=world.clock.ms)
    counts = {device: len(told(world, device)) for device in [alice, *devices]}
    assert set(counts.values()) <= {1, 2}
    again = {device.split("-")[1] for device, count in counts.items() if count == 2}
    first = {part_of(UserId(user)) for user in again}
    assert len(first) <= 1
    assert died or posts == 25


def test_an_announcement_that_comes_twice_is_told_once() -> None:
    world, alice, devices = large()
    assert world.http(rest.add_member, "alice", {"user_id": "zoe"}, room_id="lobby").status < 300
    [job] = jobs(world, "room_updated")
    [check] = [job for job in world.adapters.outbound.jobs if isinstance(job, CheckRoomChange)]
    assert serve(world, job)
    world.adapters.delivery.jobs.append(job)
    assert serve(world, job)
    world.services.room_changes.check(check)
    world.pump(until_ms=world.clock.ms)
    assert [told(world, device) for device in [alice, *devices]] == [["member_added"]] * 25


def test_who_is_removed_from_a_large_room_is_told_by_one_part() -> None:
    world, alice, devices = large()
    for device in devices[:6]:
        world.act(device, "join_room", room_id="lobby")
    world.pump(until_ms=world.clock.ms)
    world.poster.raw.clear()
    change(world, USERS[3], rest.remove_member)
    world.pump(until_ms=world.clock.ms)
    assert [told(world, device) for device in [alice, *devices]] == [["member_removed"]] * 25
    left = [len(world.poster.to(device, "user_left")) for device in devices[:6]]
    assert left == [1, 1, 1, 0, 1, 1]


def test_the_next_change_of_the_same_member_is_told_too() -> None:
    world, alice, _ = large()
    for endpoint in (rest.add_member, rest.remove_member, rest.add_member):
        change(world, "zoe", endpoint)
        world.pump(until_ms=world.clock.ms)
        world.clock.ms += 1_000
    assert told(world, alice) == ["member_added", "member_removed", "member_added"]
