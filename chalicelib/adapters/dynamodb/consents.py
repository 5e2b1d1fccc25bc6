"""Decisions of users: `about` is the sort key, in a region's own item `{about}#{region}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...kernel.ids import regional_key
from ...model.consents import Decided, latest
from ...model.identifiers import Region, UserId
from .table import Item, Table, integer, n, s, text, written_by


class DynamoConsentStore:
    def __init__(self, client: Any, prefix: str, regions: Sequence[Region]) -> None:
        """Open the store. `regions` are all of the deployment, its own first."""
        self._table = Table(client, f"{prefix}-consents")
        several = len(regions) > 1
        self._by = written_by(regions)
        self._own = regions[0] if several else None
        self._writers: tuple[Region | None, ...] = (None, *(regions if several else ()))

    def get(self, asked: Sequence[tuple[UserId, str]]) -> Mapping[tuple[UserId, str], Decided]:
        keys = [
            _key(user_id, regional_key(about, region))
            for user_id, about in dict.fromkeys(asked)
            for region in self._writers
        ]
        return _latest(self._table.batch_get(keys))

    def under(self, user_id: UserId, prefix: str) -> Mapping[str, Decided]:
        items = self._table.query(
            KeyConditionExpression="user_id = :user AND begins_with(about, :prefix)",
            ExpressionAttributeValues={":user": s(user_id), ":prefix": s(prefix)},
            ConsistentRead=True,
        )
        return {about: decided for (_, about), decided in _latest(items).items()}

    def put(self, user_id: UserId, about: str, decided: Decided) -> None:
        item = {
            **_key(user_id, regional_key(about, self._own)),
            "value": s(decided.value),
            "at_ms": n(decided.at_ms),
            **self._by,
        }
        if decided.expires_s:
            item["ttl"] = n(decided.expires_s)
        self._table.put(item)


def _latest(items: Iterable[Item]) -> dict[tuple[UserId, str], Decided]:
    held: dict[tuple[UserId, str], list[Decided]] = {}
    for item in items:
        about = text(item, "about").partition("#")[0]
        decided = Decided(text(item, "value"), integer(item, "at_ms"), integer(item, "ttl"))
        held.setdefault((UserId(text(item, "user_id")), about), []).append(decided)
    found = {key: latest(each) for key, each in held.items()}
    return {key: decided for key, decided in found.items() if decided is not None}


def _key(user_id: UserId, about: str) -> Item:
    return {"user_id": s(user_id), "about": s(about)}
