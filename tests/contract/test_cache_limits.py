"""The contract of `ports.Cache`: limits."""

from __future__ import annotations

from typing import Any

from chalicelib.model.access import Charge
from chalicelib.model.identifiers import ConnectionId
from tests.support.cache import ALICE, BOB, EAST, NOW, ROOM, Rig, connection, target
from tests.support.threads import together


class TestSpend:
    def charge(self, at_ms: int, **more: Any) -> Charge:
        fields = {"name": "send", "per_s": 2.0, "burst": 3, "now_ms": NOW + at_ms}
        return Charge(**{**fields, "payer": ALICE, **more})

    def test_a_burst_then_the_rate(self, rig: Rig) -> None:
        spend = rig.cache.spend
        assert [spend(self.charge(0)) for _ in range(5)] == [0, 0, 0, 500, 500]
        assert spend(self.charge(499)) in (1, 2)
        assert spend(self.charge(500)) == 0
        assert spend(self.charge(400)) == 500, "a clock that is behind adds nothing"
        assert spend(self.charge(0, payer=BOB)) == 0
        assert spend(self.charge(0, name="other")) == 0
        assert [spend(self.charge(10**7)) for _ in range(4)] == [0, 0, 0, 500]

    def test_many_threads_share_it(self, rig: Rig) -> None:
        waits = together([lambda: rig.cache.spend(self.charge(0))] * 8)
        assert waits.count(0) == 3

    def test_a_frame_pays_on_its_way(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        frame, ids = rig.cache.frame, target(ALICE).connection_id
        for _ in range(3):
            assert frame(ids, ROOM, EAST, self.charge(0)).wait_ms == 0
        held = frame(ids, ROOM, EAST, self.charge(0))
        assert held.wait_ms == 500
        assert held.turn is not None
        assert held.connection == connection(ALICE)
        assert rig.cache.spend(self.charge(0)) == 500, "the same bucket"
        own = [frame(ids, None, None, self.charge(0, payer=None)).wait_ms for _ in range(4)]
        assert own == [0, 0, 0, 500], "the connection's"

    def test_paying_brings_no_connection_to_life(self, rig: Rig) -> None:
        unknown = ConnectionId("x=")
        for _ in range(5):
            frame = rig.cache.frame(unknown, None, None, self.charge(0, payer=None))
            assert (frame.connection, frame.wait_ms) == (None, 0)
