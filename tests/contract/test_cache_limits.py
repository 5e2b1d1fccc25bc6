"""The contract of `ports.Cache`: limits."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.model.access import Charge
from chalicelib.model.identifiers import ConnectionId
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
        waits = [spend(self.charge()) for _ in range(5)]
        assert waits[:3] == [0, 0, 0]
        assert all(1_700_000 < wait <= 1_800_000 for wait in waits[3:])
        assert spend(self.charge(payer=BOB)) == 0
        assert spend(self.charge(name="other")) == 0

    def test_it_gains_at_its_rate(self, rig: Rig) -> None:
        fast = self.charge(per_s=20.0)
        while rig.cache.spend(fast) == 0:
            pass
        assert 0 < rig.cache.spend(fast) <= 50
        rig.clock.ms += 50

        def spent() -> bool:
            return rig.cache.spend(fast) == 0

        until(spent, "it gains")
        rig.wait(3_601)
        assert [rig.cache.spend(self.charge()) for _ in range(3)] == [0, 0, 0], "full again"

    @pytest.mark.parametrize("ahead_ms", [-3_600_000, 3_600_000])
    def test_a_caller_s_clock_changes_nothing(self, rig: Rig, ahead_ms: int) -> None:
        charges = [self.charge(now_ms=NOW + ahead_ms), self.charge(), self.charge()]
        assert [rig.cache.spend(charge) for charge in charges] == [0, 0, 0]
        assert rig.cache.spend(self.charge(now_ms=NOW + ahead_ms)) > 1_700_000

    def test_many_threads_share_it(self, rig: Rig) -> None:
        waits = together([lambda: rig.cache.spend(self.charge())] * 8)
        assert waits.count(0) == 3

    def test_a_frame_pays_on_its_way(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        frame, ids = rig.cache.frame, target(ALICE).connection_id
        for _ in range(3):
            assert frame(ids, ROOM, EAST, self.charge()).wait_ms == 0
        held = frame(ids, ROOM, EAST, self.charge())
        assert held.wait_ms > 0
        assert held.turn is not None
        assert held.connection == connection(ALICE)
        assert rig.cache.spend(self.charge()) > 0, "the same bucket"
        own = [frame(ids, None, None, self.charge(payer=None)).wait_ms for _ in range(4)]
        assert own[:3] == [0, 0, 0], "the connection's"
        assert own[3] > 0

    def test_paying_brings_no_connection_to_life(self, rig: Rig) -> None:
        unknown = ConnectionId("x=")
        for _ in range(5):
            frame = rig.cache.frame(unknown, None, None, self.charge(payer=None))
            assert (frame.connection, frame.wait_ms) == (None, 0)
