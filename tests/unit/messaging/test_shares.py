"""The users of a part: read once while the membership is the same."""

from __future__ import annotations

from chalicelib.entrypoints.http import rest
from chalicelib.messaging.fanout import PARTS, part_of
from chalicelib.messaging.shares import Shares
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.world import World

LOBBY = RoomId("lobby")
USERS = [UserId(f"user{number}") for number in range(40)]


def of(world: World) -> Shares:
    return Shares(world.services.rooms, world.cache)


def all_of(shares: Shares) -> list[UserId]:
    return [user for part in range(PARTS) for user in shares.of(LOBBY, part).users]


def test_each_member_is_in_one_part() -> None:
    world = World()
    world.room("alice", *USERS)
    shares = of(world)
    assert sorted(all_of(shares)) == sorted([UserId("alice"), *USERS])
    assert all(part_of(user) == 3 for user in shares.of(LOBBY, 3).users)
    assert shares.of(LOBBY, 3).members == 41


def test_members_are_read_again_when_the_membership_has_changed() -> None:
    world = World()
    world.room("alice", *USERS)
    shares = of(world)
    assert UserId("bob") not in all_of(shares)
    answer = world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id="lobby")
    assert answer.status < 300
    world.pump(until_ms=world.clock.ms)
    assert UserId("bob") in all_of(shares)
    answer = world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob")
    assert answer.status < 300
    assert UserId("bob") not in all_of(shares)


def test_without_redis_the_store_says() -> None:
    world = World()
    world.room("alice", *USERS)
    shares = of(world)
    all_of(shares)
    world.cache.flush()
    assert sorted(all_of(shares)) == sorted([UserId("alice"), *USERS])
    world.cache.down = True
    assert sorted(all_of(shares)) == sorted([UserId("alice"), *USERS])
