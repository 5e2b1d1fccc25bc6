"""The contract of `ports.Cache`: typing."""

from __future__ import annotations

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
