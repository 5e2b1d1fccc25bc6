"""Stores of two regions on the same items: what one writes, the other merges.

Here every item is in both regions at once. What happens while it is not, `tests/scenarios` and
`tests/unit/model/test_decisions.py` say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.adapters.aws import client
from chalicelib.adapters.dynamodb import DynamoRoomStore
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.identifiers import RoomId, UserId
from chalicelib.model.rooms import Member, Role
from tests.support.ministack import Ministack
from tests.support.stores import (
    ANNA,
    BEN,
    HERE,
    LOBBY,
    NOW,
    OTHER,
    RACERS,
    THERE,
    Stores,
    member,
    on_dynamodb,
    room,
)
from tests.support.threads import at_once
from workbench.stack.children import free_port

CEM = UserId("cem")


def later(user: UserId, at_ms: int) -> Member:
    return replace(member(user), joined_at_ms=at_ms)


class TestMemberships:
    def test_what_one_region_decides_the_other_knows(self, here: Stores, there: Stores) -> None:
        assert here.rooms.create(room(), [member(ANNA, role=Role.OWNER), member(BEN)])
        assert there.rooms.remove_member(LOBBY, BEN)
        assert not here.rooms.remove_member(LOBBY, BEN)
        for each in (here, there):
            assert each.rooms.member(LOBBY, BEN) is None
            assert each.rooms.removed(LOBBY, BEN) == member(BEN)
            assert each.rooms.members(LOBBY) == [member(ANNA, role=Role.OWNER)]
            assert each.rooms.rooms_of(BEN) == []
        assert here.rooms.add_member(later(BEN, NOW + 5))
        assert not there.rooms.add_member(later(BEN, NOW + 6))
        for each in (here, there):
            assert each.rooms.member(LOBBY, BEN) == later(BEN, NOW + 5)
            assert each.rooms.members(LOBBY)[1:] == [later(BEN, NOW + 5)]
            assert each.rooms.rooms_of(BEN) == [LOBBY]
            assert each.rooms.joined_since(BEN, NOW + 5) == [later(BEN, NOW + 5)]
            assert each.rooms.joined_since(BEN, NOW + 6) == []
            assert each.rooms.slice_of(BEN, RoomId(""), 1).found == {LOBBY: later(BEN, NOW + 5)}

    def test_many_decisions_on_one_membership(self, here: Stores, there: Stores) -> None:
        for number in range(4):
            assert here.rooms.add_member(later(BEN, NOW + number))
            assert there.rooms.member(LOBBY, BEN) == later(BEN, NOW + number)
            assert (there, here)[number % 2].rooms.remove_member(LOBBY, BEN)
            assert here.rooms.member(LOBBY, BEN) is None
        assert there.rooms.removed(LOBBY, BEN) == later(BEN, NOW + 3)

    def test_users_whose_names_are_alike(self, here: Stores, there: Stores) -> None:
        names = [UserId(name) for name in ("ben", "ben+1", "ben-1", "ben.1", "ben1", "ben~", "be")]
        here.rooms.create(room(), [member(name) for name in names])
        assert there.rooms.remove_member(LOBBY, names[0])
        assert there.rooms.add_member(member(names[0]))
        assert [m.user_id for m in here.rooms.members(LOBBY)] == sorted(names)
        assert there.rooms.remove_member(LOBBY, names[0])
        assert [m.user_id for m in here.rooms.members(LOBBY)] == sorted(names[1:])

    def test_racers_decide_once(self, here: Stores, there: Stores) -> None:
        here.rooms.create(room(), [member(ANNA), member(BEN)])
        assert here.rooms.remove_member(LOBBY, BEN)
        assert at_once(3, lambda n: here.rooms.add_member(member(BEN))).count(True) == 1
        assert at_once(3, lambda n: here.rooms.remove_member(LOBBY, BEN)).count(True) == 1

    def test_what_a_deployment_of_one_region_wrote_is_read_and_changed(
        self, here: Stores, there: Stores, alone: Stores
    ) -> None:
        alone.rooms.create(room(), [member(ANNA), member(BEN)])
        assert alone.rooms.remove_member(LOBBY, BEN)
        assert here.rooms.members(LOBBY) == [member(ANNA)]
        assert here.rooms.add_member(member(BEN))
        assert alone.rooms.members(LOBBY) == [member(ANNA), member(BEN)]
        assert there.rooms.remove_member(LOBBY, ANNA)
        assert here.rooms.member(LOBBY, ANNA) is None


class TestClaims:
    def test_one_user_in_one_region_gets_an_id(self, here: Stores, there: Stores) -> None:
        assert here.rooms.claim(LOBBY, ANNA)
        assert here.rooms.claim(LOBBY, ANNA), "again, after a failure"
        assert not here.rooms.claim(LOBBY, BEN)
        assert not there.rooms.claim(LOBBY, ANNA), "two regions would write one room"
        assert there.rooms.claim(OTHER, ANNA)
        assert here.rooms.get(LOBBY) is None

    def test_of_racers_in_both_regions_one_gets_it(self, here: Stores, there: Stores) -> None:
        users = [UserId(f"u{n}") for n in range(RACERS)]
        won = at_once(RACERS, lambda n: (here, there)[n % 2].rooms.claim(LOBBY, users[n]))
        assert won.count(True) == 1

    def test_with_one_region_nothing_is_claimed(self, alone: Stores) -> None:
        assert alone.rooms.claim(LOBBY, ANNA)
        assert alone.rooms.claim(LOBBY, BEN)

    def test_without_the_region_of_the_claims_nothing_is_chosen(self, ministack: Ministack) -> None:
        away = f"http://127.0.0.1:{free_port()}"
        rooms = DynamoRoomStore(
            ministack.client("dynamodb"),
            ministack.prefix,
            (HERE, THERE),
            lambda: client("dynamodb", THERE, away),
        )
        with pytest.raises(Unavailable):
            rooms.claim(RoomId("chosen"), ANNA)


class TestFriends:
    def test_what_one_region_decides_the_other_knows(self, here: Stores, there: Stores) -> None:
        here.friends.put(ANNA, BEN, 1)
        there.friends.put(ANNA, BEN, 2)
        there.friends.put(BEN, ANNA, 3)
        assert here.friends.mutual(ANNA, [BEN, CEM]) == {BEN: 3}
        there.friends.remove(ANNA, BEN)
        here.friends.remove(ANNA, BEN)
        for each in (here, there):
            assert each.friends.put_by(ANNA) == each.friends.put_for(BEN) == {}
            assert each.friends.mutual(BEN, [ANNA]) == {}
        here.friends.put(ANNA, BEN, 4)
        for each in (here, there):
            assert each.friends.put_by(ANNA) == {BEN: 4}
            assert each.friends.put_for(BEN) == each.friends.mutual(BEN, [ANNA]) == {ANNA: 4}

    def test_slices_end_at_a_whole_user_and_pass_over_what_was_removed(
        self, here: Stores, there: Stores
    ) -> None:
        """A user may have an item of each region; slices of any size together have all friends."""
        names = [UserId(name) for name in ("b", "b+", "b-", "b0", "bb", "c", "d~", "e")]
        for name in names:
            for one, other in ((ANNA, name), (name, ANNA)):
                here.friends.put(one, other, 1)
        for one, other in ((ANNA, names[0]), (ANNA, names[3]), (names[3], ANNA), (ANNA, names[4])):
            there.friends.remove(one, other)
        here.friends.put(ANNA, names[0], 5)
        for most in (1, 2, 3, 100):
            for read in (here.friends.slice_by, there.friends.slice_for):
                whole = (
                    here.friends.put_by if read == here.friends.slice_by else there.friends.put_for
                )(ANNA)
                found, after = dict[UserId, int](), UserId("")
                for _ in range(len(names) + 1):
                    some = read(ANNA, after, most)
                    assert len(some.found) <= most
                    assert all(after < each for each in some.found)
                    found |= some.found
                    if some.end is None:
                        break
                    assert after < some.end
                    after = some.end
                assert found == whole, (most, read)

    def test_racers_put_and_remove_once(self, here: Stores) -> None:
        here.friends.put(ANNA, BEN, 1)
        at_once(3, lambda n: here.friends.remove(ANNA, BEN))
        at_once(3, lambda n: here.friends.put(ANNA, BEN, 2))
        assert here.friends.put_by(ANNA) == {BEN: 2}

    def test_what_a_deployment_of_one_region_wrote_is_read_and_changed(
        self, here: Stores, there: Stores, alone: Stores
    ) -> None:
        alone.friends.put(ANNA, BEN, 1)
        assert here.friends.put_by(ANNA) == {BEN: 1}
        assert here.friends.mutual(BEN, [ANNA]) == {ANNA: 1}
        there.friends.remove(ANNA, BEN)
        assert here.friends.put_by(ANNA) == {}


def test_of_revocations_the_longest_holds(here: Stores, there: Stores, alone: Stores) -> None:
    alone.revocations.put(ANNA, NOW)
    here.revocations.put(ANNA, NOW + 9)
    there.revocations.put(ANNA, NOW + 5)
    alone.revocations.put(BEN, NOW + 7)
    there.revocations.put(BEN, NOW + 2)
    for each in (here, there):
        assert each.revocations.until_ms(ANNA) == NOW + 9
        assert each.revocations.until_ms(BEN) == NOW + 7
        assert each.revocations.until_ms(CEM) == 0


def test_with_one_region_every_call_is_the_one_request_it_was(ministack: Ministack) -> None:
    dynamodb, requests = ministack.client("dynamodb"), []
    stores = on_dynamodb(dynamodb, ministack.prefix, HERE)
    stores.rooms.create(room(), [member(ANNA)])
    dynamodb.watchers.append(note := lambda operation, _: requests.append(operation))
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: stores.rooms.member(LOBBY, ANNA), "GetItem"),
        (lambda: stores.rooms.members(LOBBY), "Query"),
        (lambda: stores.rooms.rooms_of(ANNA), "Query"),
        (lambda: stores.rooms.add_member(member(BEN)), "PutItem"),
        (lambda: stores.rooms.remove_member(LOBBY, BEN), "DeleteItem"),
        (lambda: stores.friends.put(ANNA, BEN, 1), "PutItem"),
        (lambda: stores.friends.put_by(ANNA), "Query"),
        (lambda: stores.friends.put_for(BEN), "Query"),
        (lambda: stores.friends.slice_by(ANNA, UserId(""), 9), "Query"),
        (lambda: stores.friends.slice_for(BEN, UserId(""), 9), "Query"),
        (lambda: stores.rooms.slice_of(ANNA, RoomId(""), 9), "Query"),
        (lambda: stores.friends.mutual(ANNA, [BEN]), "BatchGetItem"),
        (lambda: stores.friends.remove(ANNA, BEN), "DeleteItem"),
        (lambda: stores.revocations.put(ANNA, NOW), "UpdateItem"),
        (lambda: stores.revocations.until_ms(ANNA), "GetItem"),
    ]
    try:
        for call, _ in calls:
            call()
        stores.rooms.claim(OTHER, ANNA)
    finally:
        dynamodb.watchers.remove(note)
    assert requests == [request for _, request in calls]
