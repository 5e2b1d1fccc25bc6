"""Revocations: one item for each user, which expires an hour after the revocation ends."""

from __future__ import annotations

from typing import Any

from ...model.identifiers import UserId
from .table import Table, integer, n, s

_KEPT_S = 3600


class DynamoRevocationStore:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-revocations")

    def put(self, user_id: UserId, until_ms: int) -> None:
        self._table.update(
            {"user_id": s(user_id)},
            "SET until_ms = :until, #ttl = :ttl",
            {":until": n(until_ms), ":ttl": n(until_ms // 1000 + _KEPT_S)},
            ConditionExpression="attribute_not_exists(until_ms) OR until_ms < :until",
            ExpressionAttributeNames={"#ttl": "ttl"},
        )

    def until_ms(self, user_id: UserId) -> int:
        item = self._table.get({"user_id": s(user_id)})
        return integer(item, "until_ms") if item is not None else 0
