"""Friends: an item says that `user_id` has put `friend_id`, or what a region has decided on it.

With one region, a pair has the shared item or none, so pairs are read and written by their key.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from ...kernel.errors import Unavailable
from ...kernel.ids import of_regional_key, regional_key
from ...model.decisions import Decision, addition, merged, removal
from ...model.friends import earliness
from ...model.identifiers import Region, UserId
from ...model.slices import Slice
from . import decisions
from .table import Item, Table, integer, n, s, text, written_by

Held = list[Decision[int]]


class DynamoFriendStore:
    def __init__(self, client: Any, prefix: str, regions: Sequence[Region]) -> None:
        """Open the store. `regions` are all of the deployment, its own first."""
        self._table = Table(client, f"{prefix}-friends")
        self._region = regions[0]
        self._several = len(regions) > 1
        self._by = written_by(regions)
        self._writers: tuple[Region | None, ...] = (None, *(regions if self._several else ()))

    def put(self, user_id: UserId, friend_id: UserId, since_ms: int) -> None:
        if not self._several:
            self._table.put({**_key(user_id, friend_id), "since_ms": n(since_ms)})
            return
        for _ in range(decisions.TRIES):
            held = self._held(user_id, friend_id)
            if merged(held, earliness) is not None:
                return
            decision = addition(held, self._region, since_ms)
            if self._decide(user_id, friend_id, decision, held):
                return
        raise _changing()

    def remove(self, user_id: UserId, friend_id: UserId) -> None:
        if not self._several:
            self._table.delete(_key(user_id, friend_id))
            return
        for _ in range(decisions.TRIES):
            held = self._held(user_id, friend_id)
            since_ms = merged(held, earliness)
            if since_ms is None:
                return
            decision = removal(held, self._region, since_ms)
            if self._decide(user_id, friend_id, decision, held):
                return
        raise _changing()

    def put_by(self, user_id: UserId) -> dict[UserId, int]:
        items = self._table.query(
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": s(user_id)},
            ConsistentRead=True,
        )
        return dict(decisions.merge(items, "friend_id", _since_ms, earliness))

    def put_for(self, user_id: UserId) -> dict[UserId, int]:
        return _by_owner(list(self._about(user_id)))

    def put_for_up_to(self, user_id: UserId, most: int) -> dict[UserId, int] | None:
        items = list(itertools.islice(self._about(user_id), most + 1))
        return _by_owner(items) if len(items) <= most else None

    def slice_by(self, user_id: UserId, after: UserId, most: int) -> Slice[UserId, int]:
        condition, values = decisions.above("friend_id", after)
        full = (most + 1) * len(self._writers)
        items = list(
            self._table.query(
                KeyConditionExpression=f"user_id = :user AND {condition}",
                ExpressionAttributeValues={":user": s(user_id), **values},
                ConsistentRead=True,
                Limit=full,
            )
        )
        owners = [of_regional_key(text(item, "friend_id"))[0] for item in items]
        taken, end = decisions.cut([owners], full, most)
        known = dict(decisions.merge(items, "friend_id", _since_ms, earliness))
        return Slice({each: known[each] for each in taken if each in known}, end)

    def slice_for(self, user_id: UserId, after: UserId, most: int) -> Slice[UserId, int]:
        above = decisions.above("user_id", after)
        queries = [
            list(self._about_by(region, user_id, above, Limit=most + 1)) for region in self._writers
        ]
        keys = [[UserId(text(item, "user_id")) for item in items] for items in queries]
        taken, end = decisions.cut(keys, most + 1, most)
        known = _by_owner([item for items in queries for item in items])
        return Slice({each: known[each] for each in taken if each in known}, end)

    def mutual(self, user_id: UserId, others: Sequence[UserId]) -> dict[UserId, int]:
        keys = [
            _key(other, regional_key(user_id, region))
            for other in dict.fromkeys(others)
            for region in self._writers
        ]
        return _by_owner(self._table.batch_get(keys))

    def _about(self, user_id: UserId) -> Iterator[Item]:
        """All items about a user, page by page."""
        for region in self._writers:
            yield from self._about_by(region, user_id, decisions.above("user_id", ""))

    def _about_by(
        self, region: Region | None, user_id: UserId, above: tuple[str, Item], **more: Any
    ) -> Iterator[Item]:
        condition, values = above
        return self._table.query(
            IndexName="friend_id-user_id-index",
            KeyConditionExpression=f"friend_id = :user AND {condition}",
            ExpressionAttributeValues={":user": s(regional_key(user_id, region)), **values},
            **more,
        )

    def _held(self, user_id: UserId, friend_id: UserId) -> Held:
        between, values = decisions.sort_range("friend_id", friend_id)
        items = self._table.query(
            KeyConditionExpression=f"user_id = :user AND {between}",
            ExpressionAttributeValues={":user": s(user_id), **values},
            ConsistentRead=True,
        )
        return decisions.read(items, "friend_id", _since_ms)

    def _decide(
        self, user_id: UserId, friend_id: UserId, decision: Decision[int], held: Held
    ) -> bool:
        item = decisions.attributes(decision, "friend_id", friend_id)
        return self._table.put(
            {"user_id": s(user_id), **item, "since_ms": n(decision.value), **self._by},
            **decisions.condition(decision, held, "friend_id"),
        )


def _by_owner(items: Sequence[Item]) -> dict[UserId, int]:
    """Whoever has put the user that all these items are about, and since when."""
    held: dict[UserId, Held] = {}
    for decision, item in zip(decisions.read(items, "friend_id", _since_ms), items, strict=True):
        held.setdefault(UserId(text(item, "user_id")), []).append(decision)
    return _friends(held)


def _friends(held: dict[UserId, Held]) -> dict[UserId, int]:
    found = {user_id: merged(each, earliness) for user_id, each in held.items()}
    return {user_id: since_ms for user_id, since_ms in found.items() if since_ms is not None}


def _since_ms(item: Item) -> int:
    return integer(item, "since_ms")


def _key(user_id: UserId, friend_id: str) -> Item:
    return {"user_id": s(user_id), "friend_id": s(friend_id)}


def _changing() -> Unavailable:
    return Unavailable("the friendship is being changed by another request, try again")
