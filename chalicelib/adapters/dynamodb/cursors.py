"""How far streams and their parts have been delivered.

In the table `deliveries`, a stream is the item `{room}#{region}`, and a part of it
`{room}#{region}#p{part}`. No region is named like a part, so no stream has a part's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...model.delivery import Cursor, Place, without
from ...model.identifiers import ConnectionId, MessageId, Region, RoomId, Stream, UserId
from ...model.log import Entry, Head
from .keys import stream_key
from .table import Item, Table, integer, n, s, text

# An item has one attribute for each connection behind, so that each is written alone.
_BEHIND, _MARKS = "~", 100
# A lease numbers its holder's writes: those of an earlier holder have no effect after them.
_FENCE, _FENCED = "fence = :fence", "(attribute_not_exists(fence) OR fence <= :fence)"


class DynamoCursors:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-deliveries")

    def get(self, room_id: RoomId, region: Region) -> Cursor:
        return _cursor(self._table.get(_key(room_id, region, None)))

    def of(self, streams: Sequence[Stream]) -> dict[Stream, Cursor]:
        keys = {stream_key(*stream): stream for stream in dict.fromkeys(streams)}
        found = self._table.batch_get([{"stream": s(key)} for key in keys])
        items = {text(item, "stream"): item for item in found}
        return {stream: _cursor(items.get(key)) for key, stream in keys.items()}

    def parts(
        self, room_id: RoomId, region: Region, parts: Sequence[int]
    ) -> tuple[Cursor, list[Cursor]]:
        keys = [_key(room_id, region, part) for part in (None, *parts)]
        found = {text(item, "stream"): item for item in self._table.batch_get(keys)}
        stream, *rest = (_cursor(found.get(text(key, "stream"))) for key in keys)
        return stream, rest

    def note_new(self, room_id: RoomId, region: Region) -> None:
        self._table.update(
            _key(room_id, region, None),
            "SET is_new = :true",
            {":true": {"BOOL": True}},
            ConditionExpression=_at(0),
        )

    def advance(
        self, entry: Entry, split_at_ms: int, part: int | None = None, fence: int = 0
    ) -> bool:
        values = {":seq": n(entry.seq), ":id": s(entry.message_id), ":split": n(split_at_ms)}
        done = self._table.update(
            _key(entry.room_id, entry.region, part),
            f"SET seq = :seq, message_id = :id, split_at_ms = :split, {_FENCE}",
            {**values, ":fence": n(fence)},
            ConditionExpression=f"(attribute_not_exists(seq) OR seq < :seq) AND {_FENCED}",
        )
        return done is not None

    def keep_place(
        self, entry: Entry, user_id: UserId, part: int | None = None, fence: int = 0
    ) -> bool:
        done = self._table.update(
            _key(entry.room_id, entry.region, part),
            f"SET place_seq = :seq, place_user = :user, {_FENCE}",
            {":seq": n(entry.seq), ":user": s(user_id), ":fence": n(fence)},
            ConditionExpression=_FENCED,
        )
        return done is not None

    def split(self, room_id: RoomId, region: Region, cursor: Cursor, at_ms: int) -> bool:
        done = self._table.update(
            _key(room_id, region, None),
            "SET split_seq = :seq, split_id = :id, split_at_ms = :at",
            {":seq": n(cursor.seq), ":id": s(cursor.message_id), ":at": n(at_ms)},
            ConditionExpression=f"attribute_not_exists(split_seq) AND {_at(cursor.seq)}",
        )
        return done is not None

    def join(self, room_id: RoomId, region: Region, seq: int) -> bool:
        done = self._table.update(
            _key(room_id, region, None),
            "SET split_at_ms = :never REMOVE split_seq, split_id",
            {":seq": n(seq), ":never": n(0)} if seq else {":never": n(0)},
            ConditionExpression=_at(seq),
        )
        return done is not None

    def wait(self, room_id: RoomId, region: Region, seq: int) -> None:
        self._table.update(
            _key(room_id, region, None),
            "SET waiting_seq = :seq",
            {":seq": n(seq)},
            ConditionExpression="attribute_not_exists(waiting_seq) OR waiting_seq < :seq",
        )

    def pass_over(self, room_id: RoomId, region: Region, cursor: Cursor, last: int) -> bool:
        ranges = _ranges((*cursor.passed, (cursor.seq + 1, last)))
        done = self._table.update(
            _key(room_id, region, None),
            "SET seq = :last, passed = :passed",
            {":seq": n(cursor.seq), ":last": n(last), ":passed": s(ranges)}
            if cursor.seq
            else {":last": n(last), ":passed": s(ranges)},
            ConditionExpression=_at(cursor.seq),
        )
        return done is not None

    def late(self, room_id: RoomId, region: Region, cursor: Cursor, seq: int) -> bool:
        left = _ranges(without(cursor.passed, seq))
        done = self._table.update(
            _key(room_id, region, None),
            "SET passed = :left",
            {":left": s(left), ":before": s(_ranges(cursor.passed))},
            ConditionExpression="passed = :before",
        )
        return done is not None

    def fall_behind(
        self,
        room_id: RoomId,
        region: Region,
        behind: Mapping[ConnectionId, int],
        part: int | None = None,
        fence: int = 0,
    ) -> bool:
        marks = list(behind.items())
        for start in range(0, len(marks), _MARKS):
            some = dict(enumerate(marks[start : start + _MARKS]))
            values = {f":{number}": n(seq) for number, (_, seq) in some.items()}
            done = self._table.update(
                _key(room_id, region, part),
                f"SET {_FENCE}, " + ", ".join(f"#{number} = :{number}" for number in some),
                {**values, ":fence": n(fence)},
                ConditionExpression=_FENCED,
                ExpressionAttributeNames={f"#{k}": _BEHIND + o for k, (o, _) in some.items()},
            )
            if done is None:
                return False
        return True

    def catch_up(
        self,
        room_id: RoomId,
        region: Region,
        origin: ConnectionId,
        seq: int,
        part: int | None = None,
    ) -> None:
        self._table.update(
            _key(room_id, region, part),
            "REMOVE #mark",
            {":seq": n(seq)},
            ConditionExpression="#mark = :seq",
            ExpressionAttributeNames={"#mark": _BEHIND + origin},
        )


def _at(seq: int) -> str:
    """The condition that a stream's cursor is at this seq, the value `:seq`."""
    return "seq = :seq" if seq else "attribute_not_exists(seq)"


def _key(room_id: RoomId, region: Region, part: int | None) -> Item:
    stream = stream_key(room_id, region)
    return {"stream": s(stream if part is None else f"{stream}#p{part}")}


def _cursor(item: Item | None) -> Cursor:
    item = item or {}
    split = Head(integer(item, "split_seq"), MessageId(text(item, "split_id")))
    place = Place(integer(item, "place_seq"), UserId(text(item, "place_user")))
    return Cursor(
        integer(item, "seq"),
        MessageId(text(item, "message_id")),
        integer(item, "split_at_ms"),
        {
            ConnectionId(name.removeprefix(_BEHIND)): integer(item, name)
            for name in item
            if name.startswith(_BEHIND)
        },
        split if "split_seq" in item else None,
        place if "place_seq" in item else None,
        integer(item, "waiting_seq"),
        tuple(_range(each) for each in text(item, "passed").split(",") if each),
        "is_new" in item,
        integer(item, "fence"),
    )


def _ranges(passed: Sequence[tuple[int, int]]) -> str:
    return ",".join(f"{first}-{last}" for first, last in passed)


def _range(written: str) -> tuple[int, int]:
    first, _, last = written.partition("-")
    return int(first), int(last)
