"""Rooms and memberships."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...kernel import nesting
from ...kernel.errors import Unavailable
from ...model.identifiers import RoomId, UserId
from ...model.rooms import Member, Role, Room, RoomType
from ..aws import unavailable
from .table import (
    CONFLICT,
    FAILED,
    Item,
    Table,
    cancelled,
    integer,
    n,
    reasons_of,
    s,
    text,
    to_json,
)

_TRANSACTION_ITEMS, _CREATE_TRIES = 100, 3


class DynamoRoomStore:
    def __init__(self, client: Any, prefix: str) -> None:
        self._rooms = Table(client, f"{prefix}-rooms")
        self._members = Table(client, f"{prefix}-memberships")

    def create(self, room: Room, members: Sequence[Member]) -> bool:
        """Create a room; up to 99 members fit into one transaction.

        A larger room is pending, and treated as not existing, until its other members are
        written. If that fails, its creator may create it again.
        """
        items = {member.user_id: _member_item(member) for member in members}
        first = list(items.values())[: _TRANSACTION_ITEMS - 1]
        later = list(items.values())[_TRANSACTION_ITEMS - 1 :]
        room_item = {
            "room_id": s(room.room_id),
            "room_type": s(room.room_type),
            "created_by": s(room.created_by),
            "created_at_ms": n(room.created_at_ms),
            "metadata": s(to_json(dict(room.metadata))),
            "pending": {"BOOL": bool(later)},
        }
        put: Item = {
            "TableName": self._rooms.name,
            "Item": room_item,
            "ConditionExpression": "attribute_not_exists(room_id)",
        }
        if later:
            put["ConditionExpression"] += " OR (pending = :yes AND created_by = :creator)"
            put["ExpressionAttributeValues"] = {
                ":yes": {"BOOL": True},
                ":creator": s(room.created_by),
            }
        writes = [{"Put": {"TableName": self._members.name, "Item": item}} for item in first]
        if not self._transact([{"Put": put}, *writes]):
            return False
        if later:
            self._members.batch_put(later)
            for member in self.members(room.room_id):
                if member.user_id not in items:  # from an earlier attempt
                    self.remove_member(room.room_id, member.user_id)
            key = {"room_id": s(room.room_id)}
            self._rooms.update(key, "SET pending = :no", {":no": {"BOOL": False}})
        return True

    def _transact(self, writes: list[Item]) -> bool:
        """Write all; False if the first one's condition failed. Retries after conflicts."""
        client = self._rooms.client
        for _ in range(_CREATE_TRIES):
            try:
                with unavailable("the store"):
                    client.transact_write_items(TransactItems=writes)
                return True
            except client.exceptions.TransactionCanceledException as refusal:
                codes = [reason.get("Code") for reason in reasons_of(refusal)]
                if codes[:1] == [FAILED]:
                    return False
                if CONFLICT not in codes:
                    raise cancelled(refusal) from refusal
        raise Unavailable("the room is being changed by another request, try again")

    def get(self, room_id: RoomId) -> Room | None:
        item = self._rooms.get({"room_id": s(room_id)})
        return _room(item) if item is not None and not _pending(item) else None

    def get_many(self, room_ids: Sequence[RoomId]) -> list[Room]:
        keys = [{"room_id": s(room_id)} for room_id in dict.fromkeys(room_ids)]
        items = [item for item in self._rooms.batch_get(keys) if not _pending(item)]
        found = {text(item, "room_id"): _room(item) for item in items}
        return [found[room_id] for room_id in room_ids if room_id in found]

    def member(self, room_id: RoomId, user_id: UserId) -> Member | None:
        item = self._members.get({"room_id": s(room_id), "user_id": s(user_id)})
        return _member(item) if item is not None else None

    def members(self, room_id: RoomId) -> list[Member]:
        items = self._members.query(
            KeyConditionExpression="room_id = :room",
            ExpressionAttributeValues={":room": s(room_id)},
            ConsistentRead=True,
        )
        return [_member(item) for item in items]

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        items = self._members.query(
            IndexName="user_id-room_id-index",
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": s(user_id)},
        )
        return [RoomId(text(item, "room_id")) for item in items]

    def joined_since(self, user_id: UserId, at_ms: int) -> list[Member]:
        items = self._members.query(
            IndexName="user_id-room_id-index",
            KeyConditionExpression="user_id = :user",
            FilterExpression="joined_at_ms >= :at",
            ExpressionAttributeValues={":user": s(user_id), ":at": n(at_ms)},
        )
        return [_member(item) for item in items]

    def add_member(self, member: Member) -> bool:
        return self._members.put(
            _member_item(member), ConditionExpression="attribute_not_exists(room_id)"
        )

    def remove_member(self, room_id: RoomId, user_id: UserId) -> bool:
        return bool(self._members.delete({"room_id": s(room_id), "user_id": s(user_id)}))


def _pending(item: Item) -> bool:
    return bool(item.get("pending", {"BOOL": False})["BOOL"])


def _room(item: Item) -> Room:
    return Room(
        RoomId(text(item, "room_id")),
        RoomType(text(item, "room_type")),
        UserId(text(item, "created_by")),
        integer(item, "created_at_ms"),
        nesting.read(text(item, "metadata")),
    )


def _member_item(member: Member) -> Item:
    return {
        "room_id": s(member.room_id),
        "user_id": s(member.user_id),
        "role": s(member.role),
        "joined_at_ms": n(member.joined_at_ms),
    }


def _member(item: Item) -> Member:
    return Member(
        RoomId(text(item, "room_id")),
        UserId(text(item, "user_id")),
        Role(text(item, "role")),
        integer(item, "joined_at_ms"),
    )
