"""The contract of `ports.Cache`: claims and acks."""

from __future__ import annotations

from chalicelib.model.identifiers import MessageId
from tests.support.cache import ROOM, Rig
from tests.support.threads import together


def test_a_claim_is_one_s(rig: Rig) -> None:
    assert sum(together([lambda: rig.cache.claim("x", 5)] * 8)) == 1
    assert rig.cache.claim("y", 5)
    assert not rig.cache.claim("x", 5)


def test_acks_stand_for_messages(rig: Rig) -> None:
    one, other = (ROOM, MessageId("0" * 26)), (ROOM, MessageId("1" * 26))
    assert rig.cache.acked(7) is None
    rig.cache.expect_acks({7: one, 2**48 - 1: other})
    rig.cache.expect_acks({7: one})
    assert rig.cache.acked(7) == one
    assert rig.cache.acked(2**48 - 1) == other
    assert rig.cache.acked(8) is None
