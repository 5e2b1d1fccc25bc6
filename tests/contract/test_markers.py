"""The contract of `ports.Markers`."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.model.receipts import Marker
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
        assert sorted(markers.of_room(LOBBY, 10), key=lambda m: m.user_id) == [near, ben]
        assert len(markers.of_room(LOBBY, 1)) == 1
        counts = [markers.count(LOBBY, mid(n)) for n in (4, 5, 9, 10)]
        assert counts == [2, 1, 1, 0]
