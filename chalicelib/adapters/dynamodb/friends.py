"""Friends: an item says that `user_id` has put `friend_id`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...model.identifiers import UserId
from .table import Item, Table, integer, n, s, text


class DynamoFriendStore:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-friends")

    def put(self, user_id: UserId, friend_id: UserId, since_ms: int) -> None:
        self._table.put({**_key(user_id, friend_id), "since_ms": n(since_ms)})

    def remove(self, user_id: UserId, friend_id: UserId) -> None:
        self._table.delete(_key(user_id, friend_id))

    def put_by(self, user_id: UserId) -> dict[UserId, int]:
        items = self._table.query(
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": s(user_id)},
            ConsistentRead=True,
        )
        return {UserId(text(item, "friend_id")): integer(item, "since_ms") for item in items}

    def put_for(self, user_id: UserId) -> dict[UserId, int]:
        items = self._table.query(
            IndexName="friend_id-user_id-index",
            KeyConditionExpression="friend_id = :user",
            ExpressionAttributeValues={":user": s(user_id)},
        )
        return {UserId(text(item, "user_id")): integer(item, "since_ms") for item in items}

    def mutual(self, user_id: UserId, others: Sequence[UserId]) -> dict[UserId, int]:
        items = self._table.batch_get([_key(other, user_id) for other in dict.fromkeys(others)])
        return {UserId(text(item, "user_id")): integer(item, "since_ms") for item in items}


def _key(user_id: UserId, friend_id: UserId) -> Item:
    return {"user_id": s(user_id), "friend_id": s(friend_id)}
