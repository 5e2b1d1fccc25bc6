"""Revocations: one item for each user, which expires an hour after the revocation ends.

With several regions, each writes an item of its own, and the latest time of all items holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...kernel.ids import regional_key
from ...model.identifiers import Region, UserId
from .table import BY, Item, Table, integer, n, s

_KEPT_S = 3600


class DynamoRevocationStore:
    def __init__(self, client: Any, prefix: str, regions: Sequence[Region]) -> None:
        """Open the store. `regions` are all of the deployment, its own first."""
        self._own = regions[0] if len(regions) > 1 else None
        self._regions = tuple(regions)
        self._table = Table(client, f"{prefix}-revocations")

    def put(self, user_id: UserId, until_ms: int) -> None:
        change, names = "SET until_ms = :until, #ttl = :ttl", {"#ttl": "ttl"}
        values = {":until": n(until_ms), ":ttl": n(until_ms // 1000 + _KEPT_S)}
        if self._own is not None:
            change, names["#by"], values[":by"] = f"{change}, #by = :by", BY, s(self._own)
        self._table.update(
            _key(user_id, self._own),
            change,
            values,
            ConditionExpression="attribute_not_exists(until_ms) OR until_ms < :until",
            ExpressionAttributeNames=names,
        )

    def until_ms(self, user_id: UserId) -> int:
        if self._own is None:
            item = self._table.get(_key(user_id, None))
            return integer(item, "until_ms") if item is not None else 0
        items = self._table.batch_get([_key(user_id, each) for each in (None, *self._regions)])
        return max((integer(item, "until_ms") for item in items), default=0)


def _key(user_id: UserId, region: Region | None) -> Item:
    return {"user_id": s(regional_key(user_id, region))}
