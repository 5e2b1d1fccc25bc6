"""The contract of `ports.FriendStore`."""

from __future__ import annotations

from chalicelib.model.identifiers import UserId
from chalicelib.model.slices import Slice
from tests.support.stores import ANNA, BEN, Stores


class TestFriends:
    def test_an_item_is_one_s_own_wish(self, stores: Stores) -> None:
        friends = stores.friends
        friends.put(ANNA, BEN, 1)
        assert friends.put_by(ANNA) == {BEN: 1}
        assert friends.put_by(BEN) == friends.put_for(ANNA) == {}
        assert friends.put_for(BEN) == {ANNA: 1}
        assert friends.mutual(ANNA, [BEN]) == {}
        friends.put(BEN, ANNA, 2)
        assert friends.mutual(ANNA, [BEN, BEN, ANNA]) == {BEN: 2}
        friends.remove(ANNA, BEN)
        friends.remove(ANNA, BEN)
        assert friends.put_by(ANNA) == {}
        assert friends.put_by(BEN) == {ANNA: 2}

    def test_more_than_one_call_takes(self, stores: Stores) -> None:
        others = [UserId(f"u{n:04d}") for n in range(130)]
        for number, other in enumerate(others):
            stores.friends.put(other, ANNA, number)
        assert stores.friends.mutual(ANNA, others) == dict(zip(others, range(130), strict=True))
        assert len(stores.friends.put_for(ANNA)) == 130
        assert stores.friends.put_for_up_to(ANNA, 130) == stores.friends.put_for(ANNA)
        assert stores.friends.put_for_up_to(ANNA, 129) is None

    def test_slices_are_in_order_and_end_where_there_is_no_more(self, stores: Stores) -> None:
        friends, others = stores.friends, [UserId(f"u{n:02d}") for n in range(5)]
        for number, other in enumerate(others[::-1]):
            friends.put(ANNA, other, number)
            friends.put(other, ANNA, number)
        for read, whole in (
            (friends.slice_by, friends.put_by),
            (friends.slice_for, friends.put_for),
        ):
            first = read(ANNA, UserId(""), 2)
            assert list(first.found.items()) == [(others[0], 4), (others[1], 3)]
            assert first.end == others[1]
            assert read(ANNA, others[1], 3) == Slice(
                {each: whole(ANNA)[each] for each in others[2:]}, None
            )
            assert read(ANNA, UserId("u011"), 1) == Slice({others[2]: 2}, others[2])
            assert read(ANNA, others[4], 2) == read(BEN, UserId(""), 2) == Slice({}, None)
