"""The contract of `ports.Cache`: typing, and what is known of other regions."""

from __future__ import annotations

from chalicelib.model.identifiers import Region
from tests.support.cache import ALICE, BOB, NOW, OTHER, ROOM, Rig


class TestTyping:
    def test_a_start_is_told_and_told_again_after_a_while(self, rig: Rig) -> None:
        start = rig.cache.start_typing
        told = [start(ROOM, ALICE, NOW + at_ms, 100) for at_ms in (0, 0, 50, 99, 100, 150, 250)]
        assert told == [True, False, False, False, True, False, True]
        assert start(ROOM, BOB, NOW, 100)
        assert start(OTHER, ALICE, NOW, 100)

    def test_an_older_one_changes_nothing(self, rig: Rig) -> None:
        assert rig.cache.start_typing(ROOM, ALICE, NOW, 100)
        assert not rig.cache.start_typing(ROOM, ALICE, NOW - 1, 0)
        assert not rig.cache.stop_typing(ROOM, ALICE, NOW - 1)
        assert rig.cache.stop_typing(ROOM, ALICE, NOW)

    def test_of_a_stop_others_are_told_once(self, rig: Rig) -> None:
        assert not rig.cache.stop_typing(ROOM, ALICE, NOW)
        assert rig.cache.start_typing(ROOM, ALICE, NOW, 100)
        assert rig.cache.start_typing(ROOM, BOB, NOW, 100)
        assert rig.cache.stop_typing(ROOM, ALICE, NOW + 1)
        assert not rig.cache.stop_typing(ROOM, ALICE, NOW + 2)
        assert rig.cache.start_typing(ROOM, ALICE, NOW + 3, 100), "it is a change again"
        assert rig.cache.stop_typing(ROOM, BOB, NOW + 3)

    def test_it_ends_by_itself(self, rig: Rig) -> None:
        rig.cache.start_typing(ROOM, ALICE, NOW, 100)
        rig.wait(29)
        assert not rig.cache.start_typing(ROOM, ALICE, NOW, 100)
        rig.wait(30)
        assert not rig.cache.stop_typing(ROOM, ALICE, NOW)


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
