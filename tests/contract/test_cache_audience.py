"""The contract of `ports.Cache`: who has joined a room."""

from __future__ import annotations

from chalicelib.model.identifiers import UserId
from chalicelib.model.rooms import Role
from tests.support.cache import ALICE, BOB, OTHER, ROOM, Rig, fill_joined, target
from tests.support.threads import together

CAROL = UserId("carol")


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

    def test_of_a_user_who_is_not_known_the_store_knows(self, rig: Rig) -> None:
        cache = rig.cache
        assert cache.leave(ROOM, target(ALICE, 1)) is None
        cache.join(ROOM, target(BOB))
        assert cache.leave(ROOM, target(ALICE, 1)) is None
        cache.join(ROOM, target(ALICE, 2))
        assert cache.leave(ROOM, target(ALICE, 1)) is False, "another device of hers is known"
        cache.leave(ROOM, target(ALICE, 2))
        fill_joined(cache, ROOM, [target(BOB)])
        assert cache.leave(ROOM, target(ALICE, 1)) is False, "all are known"

    def test_of_many_threads_one_is_first_and_one_last(self, rig: Rig) -> None:
        devices = range(16)
        for _ in range(5):
            join = [lambda n=n: rig.cache.join(ROOM, target(ALICE, n)) for n in devices]
            assert sum(together(join)) == 1
            leave = [lambda n=n: rig.cache.leave(ROOM, target(ALICE, n)) for n in devices]
            assert sum(together(leave)) == 1

    def test_it_is_not_cached_until_filled(self, rig: Rig) -> None:
        assert rig.cache.joined(ROOM).targets is None
        assert rig.cache.joined(ROOM).members is None
        rig.cache.join(ROOM, target(ALICE, 1))
        assert rig.cache.joined(ROOM).targets is None
        found = [target(ALICE, 2), target(BOB), target(ALICE, 1)]
        assert fill_joined(rig.cache, ROOM, found)
        everyone = [target(ALICE, 1), target(ALICE, 2), target(BOB)]
        assert sorted(rig.cache.joined(ROOM).targets, key=str) == sorted(everyone, key=str)
        assert not rig.cache.join(ROOM, target(BOB, 2)), "bob is known from the fill"

    def test_an_empty_room_can_be_cached(self, rig: Rig) -> None:
        fill_joined(rig.cache, ROOM, [])
        assert rig.cache.joined(ROOM).targets == ()
        assert rig.cache.join(ROOM, target(ALICE))
        assert rig.cache.joined(ROOM).targets == (target(ALICE),)
        assert rig.cache.leave(ROOM, target(ALICE))
        assert rig.cache.joined(ROOM).targets == ()

    def test_what_was_read_before_a_leave_is_not_cached(self, rig: Rig) -> None:
        before = rig.cache.joined(ROOM).as_of
        rig.cache.leave(ROOM, target(ALICE))
        assert not rig.cache.fill_joined(ROOM, before, [target(ALICE)])
        assert rig.cache.joined(ROOM).targets is None
        assert fill_joined(rig.cache, ROOM, [target(BOB)])
        assert rig.cache.joined(ROOM).targets == (target(BOB),)

    def test_of_its_users_those_who_are_members_are_named(self, rig: Rig) -> None:
        fill_joined(rig.cache, ROOM, [target(ALICE), target(BOB)])
        assert rig.cache.joined(ROOM).members is None, "the members are not cached"
        version = rig.cache.fill_members(ROOM, None, {BOB: Role.MEMBER, CAROL: Role.OWNER})
        assert rig.cache.joined(ROOM).members == {BOB}
        rig.cache.fill_members(ROOM, version, {})
        assert rig.cache.joined(ROOM).members == frozenset()
        rig.cache.bump(ROOM)
        assert rig.cache.joined(ROOM).members is None

    def test_it_is_kept_for_an_hour_from_the_fill_whoever_joins(self, rig: Rig) -> None:
        fill_joined(rig.cache, ROOM, [target(ALICE)])
        rig.wait(3599)
        rig.cache.join(ROOM, target(BOB))
        assert len(rig.cache.joined(ROOM).targets) == 2
        rig.wait(1)
        assert rig.cache.joined(ROOM).targets is None
        assert rig.cache.join(ROOM, target(BOB)), "nothing is known of the room"
