"""The contract of `ports.Cache`: limits."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.model.access import Charge, Paid
from chalicelib.model.identifiers import ConnectionId, UserId
from tests.support.cache import ALICE, BOB, EAST, NOW, ROOM, Rig, connection, target
from tests.support.threads import together
from tests.support.waiting import until


class TestSpend:
    """The buckets run on the server's clock: a rate of two an hour gains nothing in a test."""

    def charge(self, **more: Any) -> Charge:
        fields = {"name": "send", "per_s": 2 / 3600, "burst": 3, "now_ms": NOW}
        return Charge(**{**fields, "payer": ALICE, **more})

    def test_a_burst_then_the_rate(self, rig: Rig) -> None:
        spend = rig.cache.spend
        waits = [spend(self.charge()).wait_ms for _ in range(5)]
        assert waits[:3] == [0, 0, 0]
        assert all(1_700_000 < wait <= 1_800_000 for wait in waits[3:])
        assert spend(self.charge(payer=BOB)).wait_ms == 0
        assert spend(self.charge(name="other")).wait_ms == 0

    def test_what_costs_more_takes_more(self, rig: Rig) -> None:
        spend = rig.cache.spend
        assert spend(self.charge(tokens=2)).wait_ms == 0
        assert spend(self.charge(tokens=2)).wait_ms > 1_700_000
        assert spend(self.charge()).wait_ms == 0, "nothing was taken"
        assert spend(self.charge(payer=BOB, tokens=10)).wait_ms == 0, "never more than it holds"
        assert spend(self.charge(payer=BOB)).wait_ms > 1_700_000

    def test_what_is_owed_is_taken_in_any_case(self, rig: Rig) -> None:
        spend = rig.cache.spend
        assert spend(self.charge(tokens=5, owed=True)) == Paid()
        assert 5_300_000 < spend(self.charge()).wait_ms <= 5_400_000, "two are lacking, and one"
        assert spend(self.charge(tokens=1_000, owed=True)) == Paid()
        assert 23_300_000 < spend(self.charge()).wait_ms <= 23_400_000, "twelve at most, and one"

    def test_what_is_owed_before_it_is_consumed_is_refused_in_debt(self, rig: Rig) -> None:
        spend, posts = rig.cache.spend, {"tokens": 5, "owed": True, "refused_in_debt": True}
        for _ in range(3):
            assert spend(self.charge()).wait_ms == 0
        assert spend(self.charge(**posts)) == Paid(), "an empty bucket lacks nothing yet"
        assert 8_900_000 < spend(self.charge(**posts)).wait_ms <= 9_000_000
        assert spend(self.charge(**posts, payer=BOB)) == Paid()
        assert 5_300_000 < spend(self.charge(payer=BOB)).wait_ms <= 5_400_000, "taken once"

    def test_who_keeps_being_refused_is_told_so(self, rig: Rig) -> None:
        few = {"refusals_per_s": 2 / 3600, "refusals_burst": 3}
        exhausted = [rig.cache.spend(self.charge(**few)).exhausted for _ in range(8)]
        assert exhausted == [False] * 6 + [True] * 2, "three were paid, three refused"
        assert not rig.cache.spend(self.charge(name="other", **few)).exhausted
        rig.wait(1_800)
        rig.cache.spend(self.charge(name="other", burst=1, **few))
        assert rig.cache.spend(self.charge(name="other", burst=1, tokens=1, **few)).wait_ms >= 0

    def test_an_invalid_frame_pays_and_counts_as_refused(self, rig: Rig) -> None:
        invalid = self.charge(invalid=True, refusals_per_s=2 / 3600, refusals_burst=2)
        paid = [rig.cache.spend(invalid) for _ in range(3)]
        assert paid == [Paid(), Paid(), Paid(exhausted=True)]
        assert rig.cache.spend(self.charge()).wait_ms > 0

    def test_each_charge_says_until_when_its_payer_is_revoked(self, rig: Rig) -> None:
        assert rig.cache.spend(self.charge()).revoked_ms == 0
        for until_ms in (NOW + 60_000, NOW + 5_000):
            rig.cache.note_revoked(ALICE, until_ms)
        assert rig.cache.spend(self.charge()).revoked_ms == NOW + 60_000, "the later one holds"
        assert rig.cache.spend(self.charge(payer=BOB)).revoked_ms == 0
        charges = [self.charge(), self.charge(), self.charge(refusals_burst=1), self.charge()]
        paid = [rig.cache.spend(each) for each in charges]
        assert {each.revoked_ms for each in paid} == {NOW + 60_000}, "also when it is refused"
        assert paid[-1].wait_ms > 0
        rig.cache.register(connection(ALICE))
        frame = rig.cache.frame(target(ALICE).connection_id, ROOM, EAST, self.charge(name="x"))
        assert frame.paid.revoked_ms == NOW + 60_000

    def test_a_revocation_is_noted_for_an_hour(self, rig: Rig) -> None:
        rig.cache.note_revoked(ALICE, NOW + 10**10)
        rig.wait(3_500)
        assert rig.cache.spend(self.charge(name="short", burst=1, per_s=1)).revoked_ms
        rig.wait(200)
        assert rig.cache.spend(self.charge()).revoked_ms == 0

    def test_an_address_has_a_bucket_of_its_own(self, rig: Rig) -> None:
        spend, charge = rig.cache.spend_for_address, self.charge(payer=None)
        assert [spend("192.0.2.1", charge).wait_ms for _ in range(3)] == [0, 0, 0]
        assert spend("192.0.2.1", charge).wait_ms > 1_700_000
        assert spend("2001:db8::/64", charge).wait_ms == 0
        assert rig.cache.spend(self.charge(payer=UserId("192.0.2.1"))).wait_ms == 0

    def test_it_gains_at_its_rate(self, rig: Rig) -> None:
        fast = self.charge(per_s=20.0)
        while rig.cache.spend(fast).wait_ms == 0:
            pass
        assert 0 < rig.cache.spend(fast).wait_ms <= 50
        rig.clock.ms += 50

        def spent() -> bool:
            return bool(rig.cache.spend(fast).wait_ms == 0)

        until(spent, "it gains")
        rig.wait(3_601)
        full = [rig.cache.spend(self.charge()).wait_ms for _ in range(3)]
        assert full == [0, 0, 0], "full again"

    @pytest.mark.parametrize("ahead_ms", [-3_600_000, 3_600_000])
    def test_a_caller_s_clock_changes_nothing(self, rig: Rig, ahead_ms: int) -> None:
        charges = [self.charge(now_ms=NOW + ahead_ms), self.charge(), self.charge()]
        assert [rig.cache.spend(charge).wait_ms for charge in charges] == [0, 0, 0]
        assert rig.cache.spend(self.charge(now_ms=NOW + ahead_ms)).wait_ms > 1_700_000

    def test_many_threads_share_it(self, rig: Rig) -> None:
        paid = together([lambda: rig.cache.spend(self.charge())] * 8)
        assert [each.wait_ms for each in paid].count(0) == 3

    def test_a_frame_pays_on_its_way(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        frame, ids = rig.cache.frame, target(ALICE).connection_id
        for _ in range(3):
            assert frame(ids, ROOM, EAST, self.charge()).paid == Paid()
        held = frame(ids, ROOM, EAST, self.charge())
        assert held.paid.wait_ms > 0
        assert held.turn is not None
        assert held.connection == connection(ALICE)
        assert rig.cache.spend(self.charge()).wait_ms > 0, "the same bucket"

    def test_a_connection_s_owner_pays_for_it(self, rig: Rig) -> None:
        device = target(ALICE).connection_id
        assert rig.cache.owner(device) is None
        rig.cache.register(connection(ALICE))
        assert rig.cache.owner(device) == ALICE

    def test_paying_brings_no_connection_to_life(self, rig: Rig) -> None:
        unknown = ConnectionId("x=")
        for _ in range(2):
            assert rig.cache.frame(unknown, None, None, self.charge()).connection is None
        assert rig.cache.owner(unknown) is None
