"""Pages of a user's rooms: their own first, then the moments of their friends."""

from __future__ import annotations

import pytest

from chalicelib.kernel import ids
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.world import START_MS, World

ALICE = UserId("alice")


def populated(rooms: int, friends: int, strangers: int = 0) -> World:
    world = World()
    for number in range(rooms):
        world.room("alice", room_id=f"r{number:03}")
    for number in range(friends + strangers):
        other = UserId(f"u{number:03}")
        world.adapters.friends.put(ALICE, other, START_MS)
        if number >= strangers:
            world.adapters.friends.put(other, ALICE, START_MS)
    return world


@pytest.mark.parametrize(("rooms", "friends"), [(0, 0), (0, 5), (5, 0), (3, 4), (4, 4), (8, 9)])
def test_all_pages_together_are_all_rooms_once(rooms: int, friends: int) -> None:
    world = populated(rooms, friends, strangers=3)
    pages, after = list[list[RoomId]](), ""
    while len(pages) < 20:
        page, end = world.services.room_pages.readable(ALICE, after, 4)
        pages.append(page)
        assert len(page) <= 4
        if end is None:
            break
        after = end
    found = [room_id for page in pages for room_id in page]
    assert sorted(found) == sorted(world.services.rooms.ids_of(ALICE))
    assert len(found) == rooms + friends
    assert found[:rooms] == sorted(found[:rooms]), "one's own come first"


def test_a_sync_goes_on_among_friends_where_the_page_before_has_ended() -> None:
    world = populated(99, 120)
    alice = world.connect("alice")
    sizes, after, seen = [], {}, set[str]()
    while len(sizes) < 9:
        answer = world.act(alice, "sync", positions={}, **after)
        sizes.append(len(answer["conversations"]))
        seen |= set(answer["conversations"])
        if answer["after_room"] is None:
            break
        after = {"after_room": answer["after_room"]}
    assert sizes == [100, 100, 19]
    assert seen == set(world.services.rooms.ids_of(ALICE))
    assert ids.moments_room_id(UserId("u119")) in seen


def test_the_end_that_a_version_before_has_answered_leaves_nothing_out() -> None:
    """It sorted all rooms by id: what came before it, the client has."""
    world = populated(3, 5)
    everything = sorted(world.services.rooms.ids_of(ALICE))
    for place, end in enumerate(everything):
        page, _ = world.services.room_pages.readable(ALICE, end, 100)
        assert set(everything[place + 1 :]) <= set(page)
