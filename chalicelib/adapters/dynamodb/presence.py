"""Presence: one item for each user and region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...model.identifiers import Region, UserId
from ...model.presence import Presence, Status
from .table import Item, Table, integer, n, s, text


class DynamoPresenceStore:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-presence")

    def get(self, user_id: UserId, region: Region) -> Presence:
        item = self._table.get(_key(user_id, region))
        return _presence(item) if item is not None else Presence(user_id, region)

    def get_many(self, user_ids: Sequence[UserId], regions: Sequence[Region]) -> list[Presence]:
        keys = [_key(user, region) for user in dict.fromkeys(user_ids) for region in regions]
        return [_presence(item) for item in self._table.batch_get(keys)]

    def change(self, presence: Presence, reset: bool) -> bool:
        change = "SET #status = :status, since_ms = :since, last_seen_ms = :seen, version = :new"
        condition = "version = :old" if presence.version > 1 else "attribute_not_exists(version)"
        values = {
            ":status": s(presence.status),
            ":since": n(presence.since_ms),
            ":seen": n(presence.last_seen_ms),
            ":new": n(presence.version),
        }
        if presence.version > 1:
            values[":old"] = n(presence.version - 1)
        if reset and presence.chosen is None:
            condition += " AND attribute_not_exists(chosen)"
        elif reset:
            change += " REMOVE chosen"
            condition += " AND chosen = :chosen"
            values[":chosen"] = s(presence.chosen or "")
        answer = self._table.update(
            _key(presence.user_id, presence.region),
            change,
            values,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#status": "status"},
        )
        return answer is not None

    def announced(self, presence: Presence) -> None:
        condition, values = "attribute_not_exists(version)", {":status": s(presence.status)}
        if presence.version:  # otherwise the user has never been in this region
            condition, values[":version"] = "version = :version", n(presence.version)
        self._table.update(
            _key(presence.user_id, presence.region),
            "SET announced = :status",
            values,
            ConditionExpression=condition,
        )

    def choose(self, user_id: UserId, region: Region, status: Status, at_ms: int) -> None:
        self._table.update(
            _key(user_id, region),
            "SET chosen = :status, chosen_at_ms = :at",
            {":status": s(status), ":at": n(at_ms)},
        )


def _key(user_id: UserId, region: Region) -> Item:
    return {"user_id": s(user_id), "region": s(region)}


def _presence(item: Item) -> Presence:
    return Presence(
        user_id=UserId(text(item, "user_id")),
        region=Region(text(item, "region")),
        status=Status(text(item, "status") or Status.OFFLINE),
        announced=Status(text(item, "announced") or Status.OFFLINE),
        chosen=Status(text(item, "chosen")) if "chosen" in item else None,
        since_ms=integer(item, "since_ms"),
        last_seen_ms=integer(item, "last_seen_ms"),
        version=integer(item, "version"),
        chosen_at_ms=integer(item, "chosen_at_ms"),
    )
