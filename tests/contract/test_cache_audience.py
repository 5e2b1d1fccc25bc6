"""The contract of `ports.Cache`: who has joined a room."""

from __future__ import annotations

from tests.support.cache import ALICE, BOB, OTHER, ROOM, Rig, target
from tests.support.threads import together


class TestJoined:
    def test_the_first_device_and_the_last_are_told(self, rig: Rig) -> None:
        cache = rig.cache
        assert cache.join(ROOM, target(ALICE, 1))
        assert not cache.join(ROOM, target(ALICE, 1))
        assert not cache.join(ROOM, target(ALICE, 2))
        assert cache.join(ROOM, target(BOB, 1))
        assert cache.join(OTHER, target(ALICE, 1))
        assert not cache.leave(ROOM, target(ALICE, 1))
        assert not cache.leave(ROOM, target(ALICE, 1))
        assert cache.leave(ROOM, target(ALICE, 2))
        assert not cache.leave(ROOM, target(ALICE, 2))

    def test_of_many_threads_one_is_first_and_one_last(self, rig: Rig) -> None:
        devices = range(16)
        for _ in range(5):
            join = [lambda n=n: rig.cache.join(ROOM, target(ALICE, n)) for n in devices]
            assert sum(together(join)) == 1
            leave = [lambda n=n: rig.cache.leave(ROOM, target(ALICE, n)) for n in devices]
            assert sum(together(leave)) == 1

    def test_it_is_not_cached_until_filled(self, rig: Rig) -> None:
        assert rig.cache.joined(ROOM) is None
        rig.cache.join(ROOM, target(ALICE, 1))
        assert rig.cache.joined(ROOM) is None
        rig.cache.fill_joined(ROOM, iter([target(ALICE, 2), target(BOB), target(ALICE, 1)]))
        everyone = [target(ALICE, 1), target(ALICE, 2), target(BOB)]
        assert sorted(rig.cache.joined(ROOM), key=str) == sorted(everyone, key=str)
        assert not rig.cache.join(ROOM, target(BOB, 2)), "bob is known from the fill"

    def test_an_empty_room_can_be_cached(self, rig: Rig) -> None:
        rig.cache.fill_joined(ROOM, [])
        assert rig.cache.joined(ROOM) == []
        assert rig.cache.join(ROOM, target(ALICE))
        assert rig.cache.joined(ROOM) == [target(ALICE)]
        assert rig.cache.leave(ROOM, target(ALICE))
        assert rig.cache.joined(ROOM) == []

    def test_it_is_kept_for_an_hour_from_the_last_join(self, rig: Rig) -> None:
        rig.cache.fill_joined(ROOM, [target(ALICE)])
        rig.wait(3599)
        rig.cache.join(ROOM, target(BOB))
        rig.wait(3599)
        assert len(rig.cache.joined(ROOM)) == 2
        rig.wait(1)
        assert rig.cache.joined(ROOM) is None
