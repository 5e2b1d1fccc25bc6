"""The contract of `ports.DeliveryLeases`: who delivers a stream."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.model.connections import Online
from chalicelib.model.delivery import Lane, Lease
from chalicelib.model.identifiers import ConnectionId
from chalicelib.model.lines import Draft, TurnId
from chalicelib.model.rooms import Role
from tests.support.cache import (
    ALICE,
    BOB,
    EAST,
    NOW,
    ROOM,
    WEST,
    Rig,
    connection,
    entry,
    target,
    warm,
)
from tests.support.threads import together

STREAM = (ROOM, EAST)


def taken(rig: Rig, token: str, lease_ms: int = 1_000) -> Lease:
    lease = rig.cache.take_lease(STREAM, token, lease_ms)
    assert isinstance(lease, Lease)
    return lease


def lane(rig: Rig, token: str, seq: int) -> Lane | None:
    return rig.cache.take_lane(STREAM, token, 1_000, [entry(seq)], [ALICE, BOB])


class TestLeases:
    def test_of_many_at_once_one_has_it(self, rig: Rig) -> None:
        calls = [lambda n=n: rig.cache.take_lease(STREAM, f"t{n}", 1_000) for n in range(16)]
        found = together(calls)
        assert sum(isinstance(each, Lease) for each in found) == 1
        assert all(0 < each <= 1_000 for each in found if isinstance(each, int))

    def test_each_stream_has_its_own(self, rig: Rig) -> None:
        taken(rig, "one")
        assert isinstance(rig.cache.take_lease((ROOM, WEST), "two", 1_000), Lease)

    def test_it_ends_and_is_numbered_higher_each_time(self, rig: Rig) -> None:
        first = taken(rig, "one")
        again = taken(rig, "one")
        rig.wait(2)
        other = taken(rig, "two")
        assert first.fence < again.fence < other.fence

    def test_numbers_rise_after_redis_was_emptied(self, rig: Rig) -> None:
        first = taken(rig, "one")
        rig.wait(1)
        rig.flush()
        assert taken(rig, "two").fence > first.fence

    def test_the_next_holder_learns_where_the_last_one_left_the_cursor(self, rig: Rig) -> None:
        assert taken(rig, "one").at is None
        rig.cache.release_lease(STREAM, "one", 7, True)
        assert replace(taken(rig, "two"), fence=0) == Lease(0, 7, True)
        rig.cache.release_lease(STREAM, "two", 8, False)
        assert replace(taken(rig, "three"), fence=0) == Lease(0, 8, False)
        rig.wait(2)
        assert replace(taken(rig, "four"), fence=0) == Lease(0), "three may have moved it"
        rig.cache.release_lease(STREAM, "four", None, False)
        assert taken(rig, "five").at is None

    def test_whoever_has_lost_it_gives_nothing_up(self, rig: Rig) -> None:
        taken(rig, "one")
        rig.wait(2)
        taken(rig, "two")
        rig.cache.release_lease(STREAM, "one", 7, True)
        assert isinstance(rig.cache.take_lease(STREAM, "three", 1_000), int)

    def test_what_was_delivered_is_counted(self, rig: Rig) -> None:
        taken(rig, "one")
        rig.cache.release_lease(STREAM, "one", 7, True, 3)
        assert rig.cache.traffic(NOW).messages == 3


class TestLanes:
    def test_brings_who_is_online_and_the_version(self, rig: Rig) -> None:
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.OWNER, BOB: Role.MEMBER})
        warm(rig.cache)
        rig.cache.register(connection(ALICE))
        found = lane(rig, "one", 3)
        assert found is not None
        assert found.version == version
        assert found.online == Online([target(ALICE)], [], [])
        assert found.lease.at is None
        assert [each.seq for each in rig.cache.recent([ROOM])[ROOM]] == [3]

    def test_only_right_before_the_entry(self, rig: Rig) -> None:
        taken(rig, "worker")
        rig.cache.release_lease(STREAM, "worker", 7, True)
        assert lane(rig, "one", 9) is None
        assert lane(rig, "one", 7) is None
        found = lane(rig, "one", 8)
        assert found is not None
        assert (found.lease.at, found.lease.plain) == (7, True)

    def test_only_if_nobody_has_the_lease(self, rig: Rig) -> None:
        taken(rig, "worker")
        assert lane(rig, "one", 1) is None
        rig.wait(2)
        assert lane(rig, "one", 1) is not None

    def test_only_if_nobody_waits_to_write(self, rig: Rig) -> None:
        assert rig.cache.frame(ConnectionId("x="), ROOM, EAST).turn is not None
        waiting = replace(entry(0), message_id="", timestamp_ms=0)
        rig.cache.enter_line(Draft(TurnId("waits"), waiting, "#draft#waits"))  # type: ignore[arg-type]
        assert lane(rig, "one", 1) is None


def test_a_turn_has_the_members_of_a_small_room(rig: Rig) -> None:
    frame = ConnectionId("x="), ROOM, EAST
    turn = rig.cache.frame(*frame).turn
    assert turn is not None
    assert turn.room is None
    version = rig.cache.version(ROOM)
    rig.cache.fill_members(ROOM, version, {ALICE: Role.OWNER, BOB: Role.MEMBER})
    turn = rig.cache.frame(*frame).turn
    assert turn is not None
    assert turn.room is not None
    assert (turn.room.version, set(turn.room.users)) == (version, {ALICE, BOB})
    rig.cache.bump(ROOM)
    turn = rig.cache.frame(*frame).turn
    assert turn is not None
    assert turn.room is None
