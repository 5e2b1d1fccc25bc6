"""The contract of `ports.Cache`: typing, and what is known of other regions."""

from __future__ import annotations

from chalicelib.model.identifiers import Region
from tests.support.cache import ALICE, BOB, OTHER, ROOM, Rig


class TestTyping:
    def test_the_newest_start_is_remembered(self, rig: Rig) -> None:
        assert rig.cache.typing_since(ROOM, ALICE) is None
        for started_ms in (1_800_000_000_001, 1_800_000_000_003, 1_800_000_000_002):
            rig.cache.typing(ROOM, ALICE, started_ms)
        assert rig.cache.typing_since(ROOM, ALICE) == 1_800_000_000_003
        assert rig.cache.typing_since(ROOM, BOB) is None
        assert rig.cache.typing_since(OTHER, ALICE) is None

    def test_a_stop_forgets_it(self, rig: Rig) -> None:
        rig.cache.typing(ROOM, ALICE, 5)
        rig.cache.typing(ROOM, BOB, 6)
        rig.cache.typing(ROOM, ALICE, None)
        assert rig.cache.typing_since(ROOM, ALICE) is None
        assert rig.cache.typing_since(ROOM, BOB) == 6
        rig.cache.typing(ROOM, ALICE, 4)
        assert rig.cache.typing_since(ROOM, ALICE) == 4

    def test_it_ends_by_itself(self, rig: Rig) -> None:
        rig.cache.typing(ROOM, ALICE, 5)
        rig.wait(29)
        assert rig.cache.typing_since(ROOM, ALICE) == 5
        rig.wait(1)
        assert rig.cache.typing_since(ROOM, ALICE) is None


class TestViewsElsewhere:
    def test_only_the_newest_event_of_a_user_counts(self, rig: Rig) -> None:
        assert rig.cache.newest_view(ROOM, ALICE, 1_800_000_000_002)
        assert not rig.cache.newest_view(ROOM, ALICE, 1_800_000_000_001)
        assert rig.cache.newest_view(ROOM, ALICE, 1_800_000_000_002), "an event that came twice"
        assert rig.cache.newest_view(ROOM, ALICE, 1_800_000_000_003)
        assert not rig.cache.newest_view(ROOM, ALICE, 1_800_000_000_002)
        assert rig.cache.newest_view(ROOM, BOB, 1)
        assert rig.cache.newest_view(OTHER, ALICE, 1)

    def test_it_is_kept_for_an_hour(self, rig: Rig) -> None:
        assert rig.cache.newest_view(ROOM, ALICE, 5)
        rig.wait(3599)
        assert not rig.cache.newest_view(ROOM, ALICE, 4)
        rig.wait(1)
        assert rig.cache.newest_view(ROOM, ALICE, 4)


class TestElsewhere:
    def test_who_is_connected_where_is_kept_for_a_minute(self, rig: Rig) -> None:
        eu, ap = Region("eu-west-1"), Region("ap-southeast-1")
        assert rig.cache.elsewhere([ALICE, BOB]) == {}
        rig.cache.note_elsewhere({ALICE: frozenset({eu, ap}), BOB: frozenset()})
        assert rig.cache.elsewhere([ALICE]) == {ALICE: {eu, ap}}
        rig.wait(59)
        assert rig.cache.elsewhere([ALICE, BOB]) == {ALICE: {eu, ap}, BOB: set()}
        rig.wait(1)
        assert rig.cache.elsewhere([ALICE, BOB]) == {}

    def test_one_user_is_forgotten(self, rig: Rig) -> None:
        rig.cache.note_elsewhere({ALICE: frozenset(), BOB: frozenset()})
        rig.cache.forget_elsewhere(ALICE)
        assert rig.cache.elsewhere([ALICE, BOB]) == {BOB: set()}
