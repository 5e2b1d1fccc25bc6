"""The contract of `ports.RoomBuckets`: a room's rate, and its members' shares."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.model.access import Charge, RoomRate
from chalicelib.model.identifiers import ConnectionId, UserId
from tests.support.cache import ALICE, BOB, EAST, NOW, OTHER, ROOM, Rig, connection

# So slow that a test's own time adds nothing.
RATE = RoomRate(per_s=0.01, burst=3, member_per_s=0.005, member_burst=2)
CHARGE = Charge("send_message", 100.0, 100, NOW, ALICE, room=RATE)


def spend(rig: Rig, user: UserId, count: int = 1) -> list[bool]:
    charge = replace(CHARGE, payer=user)
    return [rig.cache.spend_room(ROOM, charge) > 0 for _ in range(count)]


class TestRoomRates:
    def test_a_member_has_a_share_and_the_room_a_rate(self, rig: Rig) -> None:
        assert spend(rig, ALICE, 3) == [False, False, True]
        assert spend(rig, BOB, 2) == [False, True], "the room's rate"
        assert rig.cache.spend_room(OTHER, CHARGE) == 0

    def test_the_wait_is_until_both_have_a_token(self, rig: Rig) -> None:
        spend(rig, ALICE, 2)
        assert 190_000 < rig.cache.spend_room(ROOM, CHARGE) <= 200_000
        spend(rig, BOB)
        assert 190_000 < rig.cache.spend_room(ROOM, CHARGE) <= 200_000
        assert 90_000 < rig.cache.spend_room(ROOM, replace(CHARGE, payer=BOB)) <= 100_000

    def test_a_frame_is_charged_in_its_trip_and_draws_nothing_when_refused(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        turns = [rig.cache.frame(one.connection_id, ROOM, EAST, CHARGE).turn for _ in range(3)]
        assert [turn.wait_ms > 0 for turn in turns] == [False, False, True]
        assert [turn.leads for turn in turns] == [True, False, False]
        assert spend(rig, ALICE) == [True], "the same bucket"
        assert rig.cache.frame(one.connection_id, ROOM, None, CHARGE).turn is None
        other = rig.cache.frame(one.connection_id, OTHER, EAST, CHARGE).turn
        assert (other.wait_ms, other.leads) == (0, True)

    def test_what_a_refused_frame_paid_comes_back(self, rig: Rig) -> None:
        ids = connection(ALICE).connection_id
        for refund in (True, True, False, False):
            turn = rig.cache.frame(ids, ROOM, EAST, CHARGE).turn
            assert turn.wait_ms == 0
            rig.cache.give_up_turn((ROOM, EAST), turn, refund)
        assert spend(rig, ALICE) == [True]

    def test_a_refund_never_makes_more_than_the_burst(self, rig: Rig) -> None:
        turn = rig.cache.frame(ConnectionId("a="), ROOM, EAST, CHARGE).turn
        for _ in range(5):
            rig.cache.give_up_turn((ROOM, EAST), turn, True)
        assert spend(rig, ALICE, 3) == [False, False, True]
