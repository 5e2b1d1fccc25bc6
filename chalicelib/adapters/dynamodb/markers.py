"""Read markers: in the table `reads`, by room and `{user}#{region}`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...model.identifiers import MessageId, Region, RoomId, UserId
from ...model.receipts import Marker
from .keys import reader_key
from .table import Item, Table, integer, n, s, text


class DynamoMarkers:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-reads")

    def move(self, room_id: RoomId, region: Region, marker: Marker) -> Marker | None:
        key = _key(room_id, marker.user_id, region)
        answer = self._table.update(
            key,
            "SET message_id = :id, read_ms = :now",
            {":id": s(marker.message_id), ":now": n(marker.read_ms)},
            ConditionExpression="attribute_not_exists(message_id) OR message_id < :id",
            ReturnValues="ALL_OLD",
        )
        held = answer.get("Attributes") if answer is not None else self._table.get(key)
        return _marker(held) if held else None

    def of_user(
        self, user_id: UserId, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, Marker]:
        keys = [
            _key(room, user_id, region) for room in dict.fromkeys(room_ids) for region in regions
        ]
        items = sorted(self._table.batch_get(keys), key=lambda item: text(item, "message_id"))
        return {RoomId(text(item, "room_id")): _marker(item) for item in items}

    def of_room(self, room_id: RoomId, limit: int) -> list[Marker]:
        items = self._table.query(
            KeyConditionExpression="room_id = :room",
            ExpressionAttributeValues={":room": s(room_id)},
        )
        return list(_furthest(items, limit).values())

    def count(self, room_id: RoomId, message_id: MessageId) -> int:
        items = self._table.query(
            KeyConditionExpression="room_id = :room",
            FilterExpression="message_id >= :id",
            ProjectionExpression="reader",
            ExpressionAttributeValues={":room": s(room_id), ":id": s(message_id)},
        )
        return len({_user(item) for item in items})


def _key(room_id: RoomId, user_id: UserId, region: Region) -> Item:
    return {"room_id": s(room_id), "reader": s(reader_key(user_id, region))}


def _user(item: Item) -> UserId:
    return UserId(text(item, "reader").rpartition("#")[0])


def _marker(item: Item) -> Marker:
    return Marker(_user(item), MessageId(text(item, "message_id")), integer(item, "read_ms"))


def _furthest(items: Iterable[Item], limit: int) -> dict[UserId, Marker]:
    """The furthest markers by user; a user's items of all regions are adjacent."""
    found: dict[UserId, Marker] = {}
    for marker in map(_marker, items):
        if marker.user_id not in found and len(found) == limit:
            break
        held = found.get(marker.user_id, marker)
        found[marker.user_id] = max(held, marker, key=lambda each: each.message_id)
    return found
