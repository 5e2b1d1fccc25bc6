"""A change of membership is completed by its job, whoever dies meanwhile."""

from __future__ import annotations

from chalicelib.entrypoints.http import rest
from chalicelib.membership.changes import MembershipChanges
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.world import World

LOBBY, BOB = RoomId("lobby"), UserId("bob")


def changes(world: World) -> MembershipChanges:
    a = world.adapters
    return MembershipChanges(a.rooms, a.cache, a.delivery, a.outbound, a.clock)


def test_a_change_has_happened_while_what_it_wrote_holds() -> None:
    world = World()
    world.room("alice")
    made = changes(world)
    added = made.about_to_change("member_added", LOBBY, BOB, world.clock.ms)
    assert not made.happened(added)
    assert world.http(rest.add_member, "alice", {"user_id": BOB}, room_id=LOBBY).status == 201
    assert made.happened(added)
    removed = made.about_to_change("member_removed", LOBBY, BOB, world.clock.ms)
    assert not made.happened(removed)
    world.http(rest.remove_member, "alice", room_id=LOBBY, user_id=BOB)
    assert made.happened(removed)
    assert not made.happened(added)


def test_the_creation_of_another_room_of_the_same_id_is_not_this_one() -> None:
    world = World()
    made = changes(world)
    mine = made.about_to_change("created", LOBBY, UserId("eve"), world.clock.ms)
    world.room("alice")
    assert not made.happened(mine)


def test_what_is_not_announced_sends_nothing() -> None:
    world = World()
    made = changes(world)
    quiet = made.about_to_change("created", LOBBY, BOB, 1, announced=False)
    made.announce(quiet)
    assert world.adapters.delivery.jobs == []
