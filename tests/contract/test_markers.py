"""The contract of `ports.Markers`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.kernel.errors import Unavailable
from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.receipts import Marker, Reading
from tests.support.stores import ANNA, BEN, HERE, LOBBY, NOW, OTHER, RACERS, THERE, Stores, mid
from tests.support.threads import at_once


class TestMarkers:
    def test_they_only_move_forward(self, stores: Stores) -> None:
        markers = stores.markers
        first, second = Marker(ANNA, mid(5), NOW), Marker(ANNA, mid(7), NOW + 1)
        assert markers.move(LOBBY, HERE, first) is None
        assert markers.move(LOBBY, HERE, second) == first
        assert markers.move(LOBBY, HERE, replace(first, read_ms=NOW + 2)) == second
        assert markers.move(LOBBY, HERE, replace(second, read_ms=NOW + 3)) == second
        assert markers.of_user(ANNA, [LOBBY, OTHER], [HERE]) == {LOBBY: second}
        assert markers.of_user(BEN, [LOBBY], [HERE]) == {}

    def test_they_keep_where_their_message_stands(self, stores: Stores) -> None:
        marker = Marker(ANNA, mid(5), NOW, THERE, 12)
        stores.markers.move(LOBBY, HERE, marker)
        assert stores.markers.of_user(ANNA, [LOBBY], [HERE]) == {LOBBY: marker}

    def test_many_at_once_end_at_the_furthest(self, stores: Stores) -> None:
        moves = at_once(
            RACERS, lambda n: stores.markers.move(LOBBY, HERE, Marker(ANNA, mid(n), NOW))
        )
        assert len(moves) == RACERS
        found = stores.markers.of_user(ANNA, [LOBBY], [HERE])[LOBBY]
        assert found.message_id == mid(RACERS - 1)

    def test_regions_each_write_their_own_and_the_furthest_holds(self, stores: Stores) -> None:
        markers = stores.markers
        near, far = Marker(ANNA, mid(9), NOW), Marker(ANNA, mid(4), NOW + 1)
        assert markers.move(LOBBY, HERE, near) is None
        assert markers.move(LOBBY, THERE, far) is None
        ben = Marker(BEN, mid(4), NOW)
        markers.move(LOBBY, HERE, ben)
        markers.move(OTHER, HERE, Marker(BEN, mid(99), NOW))
        assert markers.of_user(ANNA, [LOBBY], [HERE, THERE]) == {LOBBY: near}
        counts = markers.counts(LOBBY, [mid(n) for n in (4, 5, 9, 10)])
        assert counts == [2, 1, 1, 0]

    def test_of_several_streams_they_cover_what_either_covered(self, stores: Stores) -> None:
        markers = stores.markers
        first = Marker(ANNA, mid(5), NOW, HERE, 5, {HERE: 5, THERE: 2})
        late = Marker(ANNA, mid(3), NOW + 1, THERE, 3, {HERE: 4, THERE: 3})
        assert markers.move(LOBBY, HERE, first) is None
        assert markers.move(LOBBY, HERE, late) == first
        both = replace(first, seen={HERE: 5, THERE: 3})
        assert markers.move(LOBBY, HERE, first) == both
        assert markers.of_user(ANNA, [LOBBY], [HERE, THERE]) == {LOBBY: both}
        elsewhere = Marker(ANNA, mid(9), NOW, THERE, 7, {HERE: 1, THERE: 7})
        assert markers.move(LOBBY, THERE, elsewhere) is None
        found = markers.of_user(ANNA, [LOBBY], [HERE, THERE])[LOBBY]
        assert (found.message_id, found.up_to(HERE), found.up_to(THERE)) == (mid(9), 5, 7)
        assert found.up_to(Region("us-west-2")) is None

    def test_many_at_once_cover_what_all_cover(self, stores: Stores) -> None:
        def move(number: int) -> None:
            seen = {HERE: number, THERE: RACERS - number}
            for _ in range(RACERS):
                try:
                    stores.markers.move(LOBBY, HERE, Marker(ANNA, mid(1), NOW, HERE, 1, seen))
                    return
                except Unavailable:
                    continue
            raise AssertionError("the marker was never moved")

        at_once(RACERS, move)
        found = stores.markers.of_user(ANNA, [LOBBY], [HERE])[LOBBY]
        assert found.seen == {HERE: RACERS - 1, THERE: RACERS}

    def test_a_marker_of_one_stream_gets_the_others(self, stores: Stores) -> None:
        stores.markers.move(LOBBY, HERE, Marker(ANNA, mid(5), NOW, HERE, 5))
        more = Marker(ANNA, mid(5), NOW, HERE, 5, {HERE: 5, THERE: 1})
        stores.markers.move(LOBBY, HERE, more)
        assert stores.markers.of_user(ANNA, [LOBBY], [HERE]) == {LOBBY: more}

    @pytest.mark.parametrize("large", [False, True])
    def test_the_furthest_readers_of_each_stream(self, stores: Stores, large: bool) -> None:
        markers, carl, dora = stores.markers, UserId("carl"), UserId("dora")
        seen = {ANNA: (5, 0), BEN: (4, 1), carl: (1, 9), dora: (0, 8)}
        for number, (user, (here, there)) in enumerate(seen.items()):
            marker = Marker(user, mid(9 - number), NOW, HERE, here, {HERE: here, THERE: there})
            markers.move(LOBBY, HERE, marker)
            markers.note(LOBBY, HERE, Reading(user, marker.message_id, marker.seen), large)
        found = markers.furthest([LOBBY], [HERE])[LOBBY]
        assert [each.user_id for each in found] == [ANNA, BEN, carl, dora]
        assert found[2].covers(THERE, 9, mid(99))
        assert not found[2].covers(HERE, 2, mid(1))

    @pytest.mark.parametrize("large", [False, True])
    def test_the_two_furthest_readers_of_each_room(self, stores: Stores, large: bool) -> None:
        markers, carl = stores.markers, UserId("carl")

        def move(room: RoomId, region: Region, user: UserId, number: int) -> None:
            markers.move(room, region, Marker(user, mid(number), NOW))
            markers.note(room, region, Reading(user, mid(number)), large)

        assert markers.furthest([LOBBY], [HERE]) == {LOBBY: ()}
        for user, number in ((ANNA, 5), (BEN, 4), (carl, 4), (ANNA, 3)):
            move(LOBBY, HERE, user, number)
        move(OTHER, HERE, carl, 1)
        assert markers.furthest([LOBBY, OTHER], [HERE]) == {
            LOBBY: (Reading(ANNA, mid(5)), Reading(BEN, mid(4))),
            OTHER: (Reading(carl, mid(1)),),
        }
        move(LOBBY, HERE, carl, 9)
        move(LOBBY, THERE, BEN, 7)
        assert markers.furthest([LOBBY], [HERE, THERE]) == {
            LOBBY: (Reading(carl, mid(9)), Reading(BEN, mid(7)))
        }

    @pytest.mark.parametrize("large", [False, True])
    def test_all_readings_of_a_room_if_they_are_few(self, stores: Stores, large: bool) -> None:
        markers = stores.markers
        assert markers.readings(LOBBY, 3) == []
        moves = ((ANNA, HERE, 5), (ANNA, THERE, 6), (BEN, HERE, 7))
        for user, region, number in moves:
            markers.move(LOBBY, region, Marker(user, mid(number), NOW))
            markers.note(LOBBY, region, Reading(user, mid(number)), large)
        markers.move(OTHER, HERE, Marker(BEN, mid(8), NOW))
        markers.move(LOBBY, HERE, Marker(BEN, mid(9), NOW).silently())
        found = markers.readings(LOBBY, 3)
        assert found is not None
        assert {(each.user_id, each.message_id) for each in found} == {
            (user, mid(number)) for user, _, number in moves
        }
        assert markers.readings(LOBBY, 2) is None

    def test_a_room_that_was_large_is_noted_further(self, stores: Stores) -> None:
        markers = stores.markers
        for number, large in ((1, False), (2, True), (3, False)):
            markers.move(LOBBY, HERE, Marker(ANNA, mid(number), NOW))
            markers.note(LOBBY, HERE, Reading(ANNA, mid(number)), large)
            assert markers.furthest([LOBBY], [HERE]) == {LOBBY: (Reading(ANNA, mid(number)),)}

    def test_of_many_readers_at_once_none_is_missed(self, stores: Stores) -> None:
        users = [UserId(f"user{n}") for n in range(RACERS)]
        at_once(RACERS, lambda n: _until_moved(stores, Marker(users[n], mid(n + 1), NOW)))
        first, second = stores.markers.furthest([LOBBY], [HERE])[LOBBY]
        assert first == Reading(users[-1], mid(RACERS))
        assert second == Reading(users[-2], mid(RACERS - 1))


def _until_moved(stores: Stores, marker: Marker) -> None:
    for _ in range(RACERS):
        try:
            stores.markers.move(LOBBY, HERE, marker)
            stores.markers.note(LOBBY, HERE, Reading(marker.user_id, marker.message_id), True)
            return
        except Unavailable:
            continue
    raise AssertionError("the marker was never moved")


class TestSilently:
    """A marker moves, and others know no more of it than they did."""

    def test_others_may_know_what_they_knew_before(self, stores: Stores) -> None:
        markers = stores.markers
        markers.move(LOBBY, HERE, Marker(ANNA, mid(1), NOW, HERE, 1))
        markers.move(LOBBY, HERE, Marker(ANNA, mid(3), NOW, HERE, 3).silently())
        markers.move(LOBBY, HERE, Marker(ANNA, mid(5), NOW, HERE, 5).silently())
        assert markers.of_user(ANNA, [LOBBY], [HERE])[LOBBY].message_id == mid(5)
        [[known]] = markers.furthest([LOBBY], [HERE]).values()
        assert (known.user_id, known.message_id) == (ANNA, mid(1))

    def test_a_first_marker_shows_nothing(self, stores: Stores) -> None:
        stores.markers.move(LOBBY, HERE, Marker(ANNA, mid(3), NOW, HERE, 3).silently())
        [[known]] = stores.markers.furthest([LOBBY], [HERE]).values()
        assert not known.covers(HERE, 1, mid(1))

    def test_the_next_that_is_not_silent_shows_all(self, stores: Stores) -> None:
        markers = stores.markers
        markers.move(LOBBY, HERE, Marker(ANNA, mid(3), NOW, HERE, 3).silently())
        before = markers.move(LOBBY, HERE, Marker(ANNA, mid(4), NOW, HERE, 4))
        assert before is not None
        assert before.reading.message_id == ""
        [[known]] = markers.furthest([LOBBY], [HERE]).values()
        assert known.message_id == mid(4)

    def test_what_is_not_further_changes_nothing(self, stores: Stores) -> None:
        markers = stores.markers
        markers.move(LOBBY, HERE, Marker(ANNA, mid(5), NOW, HERE, 5))
        markers.move(LOBBY, HERE, Marker(ANNA, mid(3), NOW, HERE, 3).silently())
        [[known]] = markers.furthest([LOBBY], [HERE]).values()
        assert known.message_id == mid(5)

    def test_counts_are_of_what_others_may_know(self, stores: Stores) -> None:
        markers = stores.markers
        markers.move(LOBBY, HERE, Marker(ANNA, mid(1), NOW, HERE, 1))
        markers.move(LOBBY, HERE, Marker(ANNA, mid(5), NOW, HERE, 5).silently())
        markers.move(LOBBY, HERE, Marker(BEN, mid(4), NOW, HERE, 4))
        assert markers.counts(LOBBY, [mid(1), mid(4), mid(5)]) == [2, 1, 0]

    def test_said_again_and_not_silently_it_is_shown(self, stores: Stores) -> None:
        markers = stores.markers
        markers.move(LOBBY, HERE, Marker(ANNA, mid(3), NOW, HERE, 3).silently())
        markers.move(LOBBY, HERE, Marker(ANNA, mid(3), NOW + 1, HERE, 3))
        [[known]] = markers.furthest([LOBBY], [HERE]).values()
        assert known.message_id == mid(3)

    def test_of_several_streams(self, stores: Stores) -> None:
        markers, seen = stores.markers, {HERE: 1, THERE: 2}
        markers.move(LOBBY, HERE, Marker(ANNA, mid(1), NOW, HERE, 1, {THERE: 1}))
        markers.move(LOBBY, HERE, Marker(ANNA, mid(4), NOW, HERE, 4, {THERE: 7}).silently())
        [[known]] = markers.furthest([LOBBY], [HERE]).values()
        assert not known.covers(THERE, 2, mid(2))
        assert known.covers(HERE, seen[HERE], mid(1))
        assert markers.of_user(ANNA, [LOBBY], [HERE])[LOBBY].covers(THERE, 7, mid(9))
