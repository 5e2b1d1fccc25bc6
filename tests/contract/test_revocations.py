"""The contract of `ports.RevocationStore`."""

from __future__ import annotations

from tests.support.stores import ANNA, BEN, NOW, Stores


def test_a_revocation_only_grows(stores: Stores) -> None:
    assert stores.revocations.until_ms(ANNA) == 0
    for until_ms in (NOW, NOW + 9, NOW + 5):
        stores.revocations.put(ANNA, until_ms)
    assert stores.revocations.until_ms(ANNA) == NOW + 9
    assert stores.revocations.until_ms(BEN) == 0
