"""The region's drain: the item `#drain` in `connections`, a table that no other region has.

It is in no index, as it has neither a user nor a bucket. For each bucket of users it has an
attribute with the time of the next turn.
"""

from __future__ import annotations

from typing import Any

from ...model.draining import Drain
from .table import Item, Table, integer, n, s

_KEY = {"connection_id": s("#drain")}  # no connection has such an id


class DynamoDrains:
    """See `ports.Drains`."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-connections")

    def get(self) -> Drain | None:
        item = self._table.get(_KEY)
        return _drain(item) if item is not None else None

    def start(self, now_ms: int, over_ms: int) -> Drain:
        answer = self._table.update(
            _KEY,
            "SET started_ms = if_not_exists(started_ms, :now), over_ms = :over",
            {":now": n(now_ms), ":over": n(over_ms)},
            ReturnValues="ALL_NEW",
        )
        assert answer is not None, "it has no condition"
        return _drain(answer["Attributes"])

    def stop(self) -> None:
        self._table.delete(_KEY)

    def take_turn(self, drain: Drain, bucket: int, now_ms: int, next_ms: int) -> bool:
        taken = self._table.update(
            _KEY,
            "SET #turn = :next",
            {":next": n(next_ms), ":now": n(now_ms), ":started": n(drain.started_ms)},
            ConditionExpression="started_ms = :started AND "
            "(attribute_not_exists(#turn) OR #turn <= :now)",
            ExpressionAttributeNames={"#turn": f"turn_{bucket}"},
        )
        return taken is not None


def _drain(item: Item) -> Drain:
    return Drain(integer(item, "started_ms"), integer(item, "over_ms"))
