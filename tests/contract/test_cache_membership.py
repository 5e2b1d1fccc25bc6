"""The contract of `ports.Cache`: members and grants."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ClassVar

from chalicelib.kernel.ids import BUCKETS
from chalicelib.model.connections import FrameContext
from chalicelib.model.identifiers import UserId
from chalicelib.model.rooms import LargeRoom, Role
from tests.support.cache import ALICE, BOB, OTHER, ROOM, Rig, connection, target, warm
from tests.support.threads import together


class TestMembers:
    MEMBERS: ClassVar = {ALICE: Role.OWNER, BOB: Role.MEMBER}

    def test_a_large_room_is_not_read_to_find_those_online(self, rig: Rig) -> None:
        warm(rig.cache)
        members = {UserId(f"u{n}"): Role.MEMBER for n in range(300)}
        connected = [connection(user, n) for user in list(members)[::10] for n in (1, 2)]
        rig.cache.restore([*connected, connection(BOB)])
        version = rig.cache.fill_members(ROOM, None, members)
        room = rig.cache.deliver(ROOM, []).members
        assert room == LargeRoom(ROOM, version, 300)
        found = rig.cache.online_in(room)
        assert set(found.targets) == {each.target for each in connected}
        assert len(found.targets) == len(connected)
        assert (list(found.cold), found.unfilled) == ([], False)
        rig.cache.bump(ROOM)
        assert rig.cache.online_in(LargeRoom(ROOM, "other", 300)).unfilled
        few = dict(list(members.items())[:100])
        version, _ = rig.cache.members(ROOM)
        assert rig.cache.fill_members(ROOM, version, few) == version
        assert rig.cache.deliver(ROOM, []).members == few, "a small one is read"

    def test_a_large_room_in_cold_buckets(self, rig: Rig) -> None:
        members = {UserId(f"u{n}"): Role.MEMBER for n in range(300)}
        version = rig.cache.fill_members(ROOM, None, members)
        found = rig.cache.online_in(LargeRoom(ROOM, version, 300))
        assert (found.targets, list(found.cold)) == ([], list(range(BUCKETS)))

    def test_unknown_then_filled(self, rig: Rig) -> None:
        assert rig.cache.members(ROOM) == (None, None)
        version = rig.cache.fill_members(ROOM, None, self.MEMBERS)
        assert version
        assert rig.cache.members(ROOM) == (version, self.MEMBERS)
        assert rig.cache.members(OTHER) == (None, None)

    def test_a_bump_drops_them_under_a_new_version(self, rig: Rig) -> None:
        old = rig.cache.fill_members(ROOM, None, self.MEMBERS)
        rig.cache.bump(ROOM)
        version, members = rig.cache.members(ROOM)
        assert members is None
        assert version not in (None, old)
        assert rig.cache.fill_members(ROOM, version, {BOB: Role.OWNER}) == version
        assert rig.cache.members(ROOM) == (version, {BOB: Role.OWNER})

    def test_a_bump_in_between_refuses_the_fill(self, rig: Rig) -> None:
        rig.cache.bump(ROOM)
        assert rig.cache.fill_members(ROOM, None, self.MEMBERS) is None
        version, _ = rig.cache.members(ROOM)
        rig.cache.bump(ROOM)
        assert rig.cache.fill_members(ROOM, version, self.MEMBERS) is None
        assert rig.cache.members(ROOM)[1] is None

    def test_a_version_that_expired_in_between_refuses_the_fill(self, rig: Rig) -> None:
        version = rig.cache.fill_members(ROOM, None, self.MEMBERS)
        rig.wait(3600)
        assert rig.cache.members(ROOM) == (None, None)
        assert rig.cache.fill_members(ROOM, version, self.MEMBERS) is None
        assert rig.cache.fill_members(ROOM, None, self.MEMBERS) != version

    def test_a_fill_replaces_what_was_cached(self, rig: Rig) -> None:
        version = rig.cache.fill_members(ROOM, None, self.MEMBERS)
        rig.wait(3000)
        assert rig.cache.fill_members(ROOM, version, {BOB: Role.ADMIN}) == version
        rig.wait(3000)
        assert rig.cache.members(ROOM) == (version, {BOB: Role.ADMIN})

    def test_nobody_can_be_cached_and_so_can_many(self, rig: Rig) -> None:
        version = rig.cache.fill_members(ROOM, None, {})
        assert rig.cache.members(ROOM) == (version, {})
        many = {UserId(f"u{n}"): Role.MEMBER for n in range(2501)}
        assert rig.cache.fill_members(ROOM, version, many) == version
        assert rig.cache.members(ROOM) == (version, many)

    def test_of_two_first_fills_one_is_stored(self, rig: Rig) -> None:
        fills = together([lambda: rig.cache.fill_members(ROOM, None, self.MEMBERS)] * 8)
        assert [each for each in fills if each] == [rig.cache.members(ROOM)[0]]

    def test_no_reader_sees_members_older_than_a_bump(self, rig: Rig) -> None:
        """One thread changes the store and bumps the version; others fill and read meanwhile."""
        cache, store, bumped, least = rig.cache, [0], [0], {}
        done = threading.Event()
        reads: list[tuple[str, int]] = []

        def write() -> None:
            for number in range(1, 151):
                store[0] = number
                cache.bump(ROOM)
                bumped[0] = number
                least[cache.members(ROOM)[0]] = number
            done.set()

        def fill() -> None:
            while not done.is_set():
                version, _ = cache.members(ROOM)
                cache.fill_members(ROOM, version, {UserId(str(store[0])): Role.MEMBER})

        def read() -> None:
            while not done.is_set():
                at_least = bumped[0]
                version, members = cache.members(ROOM)
                if members is not None:
                    (number,) = map(int, members)
                    assert number >= at_least
                    reads.append((version, number))

        def guarded(call: Callable[[], None]) -> Callable[[], None]:
            def run() -> None:
                try:
                    call()
                finally:
                    done.set()

            return run

        together([guarded(call) for call in (write, fill, fill, read, read)])
        assert all(number >= least.get(version, 0) for version, number in reads)


class TestGrants:
    def test_a_grant_holds_while_the_version_does(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.ADMIN})
        assert rig.cache.frame(one.connection_id, ROOM, None).role is None
        rig.cache.grant(one.connection_id, ROOM, version, Role.ADMIN)
        assert rig.cache.frame(one.connection_id, ROOM, None) == FrameContext(
            one, Role.ADMIN, version
        )
        assert rig.cache.frame(one.connection_id, OTHER, None).role is None
        rig.cache.bump(ROOM)
        after = rig.cache.frame(one.connection_id, ROOM, None)
        assert after.role is None
        assert after.version not in (None, version)

    def test_a_grant_under_an_old_version_is_void(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.ADMIN})
        rig.cache.bump(ROOM)
        rig.cache.grant(one.connection_id, ROOM, version, Role.ADMIN)
        assert rig.cache.frame(one.connection_id, ROOM, None).role is None

    def test_a_grant_ends_with_its_version(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.ADMIN})
        rig.cache.grant(one.connection_id, ROOM, version, Role.ADMIN)
        rig.wait(3000)
        assert rig.cache.frame(one.connection_id, ROOM, None).role is Role.ADMIN
        rig.wait(600)
        after = rig.cache.frame(one.connection_id, ROOM, None)
        assert (after.role, after.version == version) == (None, False)
        rig.cache.fill_members(ROOM, None, {ALICE: Role.MEMBER})
        assert rig.cache.frame(one.connection_id, ROOM, None).role is None

    def test_a_grant_makes_no_connection(self, rig: Rig) -> None:
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.ADMIN})
        rig.cache.grant(target(ALICE).connection_id, ROOM, version, Role.ADMIN)
        assert rig.cache.frame(target(ALICE).connection_id, ROOM, None).connection is None
        rig.cache.register(connection(ALICE))
        assert rig.cache.frame(target(ALICE).connection_id, ROOM, None).role is None
