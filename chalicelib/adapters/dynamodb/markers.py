"""Read markers: in the table `reads`, by room and `{user}#{region}`.

The item `#{region}` of a room names the two users whose markers of that region are furthest, in
several regions two for each stream. `seen` is what a marker of several regions has read of each;
`shown_id` and `shown_seen` are what others may know of it, where that is not all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ...kernel.errors import Unavailable
from ...kernel.settings import MOST_REGIONS
from ...model.identifiers import MessageId, Region, RoomId, UserId
from ...model.receipts import Marker, Reading, Seen, furthest, joined, moved
from .keys import furthest_key, reader_key
from .table import BY, Item, Table, integer, n, s, text

_NOTE_TRIES = 8
# Earlier versions know the first two. The others are of several regions: two for each stream.
_PLACES = (
    ("first", "first_id"),
    ("second", "second_id"),
    *((f"place{number}", f"place{number}_id") for number in range(3, 2 * MOST_REGIONS + 3)),
)


class DynamoMarkers:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-reads")

    def move(self, room_id: RoomId, region: Region, marker: Marker) -> Marker | None:
        if marker.seen or marker.shown is not None:
            return self._join(room_id, region, marker)
        key = _key(room_id, marker.user_id, region)
        answer = self._table.update(
            key,
            "SET message_id = :id, read_ms = :now, seq_of = :id, seq = :seq, stream_region = :at"
            " REMOVE shown_id, shown_seen",
            {
                ":id": s(marker.message_id),
                ":now": n(marker.read_ms),
                ":at": s(marker.region),
                ":seq": n(marker.seq),
            },
            ConditionExpression="attribute_not_exists(message_id) OR message_id < :id"
            " OR (message_id = :id AND attribute_exists(shown_id))",
            ReturnValues="ALL_OLD",
        )
        held = answer.get("Attributes") if answer is not None else self._table.get(key)
        return marker_of(held) if held else None

    def _join(self, room_id: RoomId, region: Region, marker: Marker) -> Marker | None:
        """Move a marker of several streams, or silently: read, and write if it is what was read."""
        key = _key(room_id, marker.user_id, region)
        for _ in range(_NOTE_TRIES):
            item = self._table.get(key)
            held = marker_of(item) if item is not None else None
            after = moved(held, marker)
            if after == held or self._table.put(
                _marker_item(key, after),
                ConditionExpression="message_id = :held AND seen = :seen"
                if item is not None and "seen" in item
                else "message_id = :held AND attribute_not_exists(seen)"
                if item is not None
                else "attribute_not_exists(message_id)",
                **_as_it_was(item),
            ):
                return held
        raise Unavailable("the user reads on too many devices at once, try again")

    def note(self, room_id: RoomId, region: Region, reading: Reading, large: bool) -> None:
        key = _furthest_key(room_id, region)
        for _ in range(_NOTE_TRIES):
            item = self._table.get(key)
            if item is None and not large:
                return
            held = tuple(_readings(item)) if item is not None else self._of_all(room_id)
            readings = furthest([*held, reading])
            if item is not None and readings == held:
                return
            version = integer(item or {}, "version")
            if self._table.put(
                _readings_item(key, readings, version + 1),
                ConditionExpression="attribute_not_exists(version) OR version = :version",
                ExpressionAttributeValues={":version": n(version)},
            ):
                return
        raise Unavailable("too many users read the room at once, try again")

    def _of_all(self, room_id: RoomId) -> tuple[Reading, ...]:
        return furthest(self._all(room_id))

    def _all(self, room_id: RoomId, **more: Any) -> Iterator[Reading]:
        """What others may know of the room's markers; not of the notes beside them."""
        items = self._table.query(
            KeyConditionExpression="room_id = :room",
            ExpressionAttributeValues={":room": s(room_id)},
            ConsistentRead=True,
            **more,
        )
        return (marker_of(item).reading for item in items if "message_id" in item)

    def readings(self, room_id: RoomId, most: int) -> list[Reading] | None:
        found = list(self._all(room_id, Limit=most + 1 + MOST_REGIONS))
        return found if len(found) <= most else None

    def of_user(
        self, user_id: UserId, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, Marker]:
        keys = [
            _key(room, user_id, region) for room in dict.fromkeys(room_ids) for region in regions
        ]
        found: dict[RoomId, Marker] = {}
        for item in self._table.batch_get(keys):
            room_id, marker = RoomId(text(item, "room_id")), marker_of(item)
            found[room_id] = joined(found[room_id], marker) if room_id in found else marker
        return found

    def furthest(
        self, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, tuple[Reading, ...]]:
        keys = [_furthest_key(room, region) for room in room_ids for region in regions]
        found: dict[RoomId, tuple[Reading, ...]] = {}
        for item in self._table.batch_get(keys):
            room_id = RoomId(text(item, "room_id"))
            found[room_id] = furthest([*found.get(room_id, ()), *_readings(item)])
        unknown = [room_id for room_id in room_ids if room_id not in found]
        return {**found, **{room_id: self._of_all(room_id) for room_id in unknown}}

    def counts(self, room_id: RoomId, message_ids: Sequence[MessageId]) -> list[int]:
        items = self._table.query(
            KeyConditionExpression="room_id = :room",
            FilterExpression="message_id >= :id",
            ProjectionExpression="reader, message_id, shown_id",
            ExpressionAttributeValues={":room": s(room_id), ":id": s(min(message_ids))},
        )
        read = [(_user(item), text(item, _shown(item))) for item in items]
        return [len({user for user, up_to in read if up_to >= each}) for each in message_ids]


def _key(room_id: RoomId, user_id: UserId, region: Region) -> Item:
    return {"room_id": s(room_id), "reader": s(reader_key(user_id, region))}


def _furthest_key(room_id: RoomId, region: Region) -> Item:
    return {"room_id": s(room_id), "reader": s(furthest_key(region))}


def _shown(item: Item) -> str:
    """The attribute with the message up to which others may know that the user has read."""
    return "shown_id" if "shown_id" in item else "message_id"


def _user(item: Item) -> UserId:
    return UserId(text(item, "reader").rpartition("#")[0])


def marker_of(item: Item) -> Marker:
    message_id, read_ms = MessageId(text(item, "message_id")), integer(item, "read_ms")
    seen = _seen(text(item, "seen"))
    user_id, shown = _user(item), None
    if "shown_id" in item:
        shown_id = MessageId(text(item, "shown_id"))
        shown = Reading(user_id, shown_id, _seen(text(item, "shown_seen")))
    if text(item, "seq_of") != message_id:  # moved by an earlier version, which writes no seq
        return Marker(user_id, message_id, read_ms, seen=seen, shown=shown)
    region = Region(text(item, "stream_region"))
    return Marker(user_id, message_id, read_ms, region, integer(item, "seq"), seen, shown)


def _marker_item(key: Item, marker: Marker) -> Item:
    shown: Item = {}
    if marker.shown is not None:
        shown = {
            "shown_id": s(marker.shown.message_id),
            "shown_seen": s(_seen_text(marker.shown.seen)),
        }
    return {
        **key,
        **shown,
        BY: s(text(key, "reader").rpartition("#")[2]),
        "message_id": s(marker.message_id),
        "read_ms": n(marker.read_ms),
        "seq_of": s(marker.message_id),
        "stream_region": s(marker.region),
        "seq": n(marker.seq),
        "seen": s(_seen_text(marker.seen)),
    }


def _as_it_was(item: Item | None) -> dict[str, Item]:
    """The values of a condition that the item is still as it was read."""
    if item is None:
        return {}
    seen = {":seen": item["seen"]} if "seen" in item else {}
    return {"ExpressionAttributeValues": {":held": item["message_id"], **seen}}


def _seen_text(seen: Seen) -> str:
    return json.dumps(dict(sorted(seen.items())), separators=(",", ":"))


def _seen(held: str) -> Seen:
    return {Region(region): int(seq) for region, seq in json.loads(held or "{}").items()}


def _readings(item: Item) -> list[Reading]:
    return [
        Reading(
            UserId(text(item, user)),
            MessageId(text(item, message)),
            _seen(text(item, f"{user}_seen")),
        )
        for user, message in _PLACES
        if user in item
    ]


def _readings_item(key: Item, readings: Sequence[Reading], version: int) -> Item:
    item = {**key, "version": n(version)}
    for (user, message), each in zip(_PLACES, readings, strict=False):
        item |= {user: s(each.user_id), message: s(each.message_id)}
        item |= {f"{user}_seen": s(_seen_text(each.seen))} if each.seen else {}
    return item
