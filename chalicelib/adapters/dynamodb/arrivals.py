"""The records of a table's stream: see `ports.Arrivals`.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
Items say in `region` which region wrote them; those of `messages`, in whose stream they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model.identifiers import MessageId, Region, RoomId
from ...model.log import Entry
from ...model.replication import Arrival, Replicated, ReplicatedDedupe, ReplicatedMarker
from .keys import DEDUPE, ENTRY
from .log_items import entry_of
from .markers import marker_of
from .table import text

# The names of the key attributes, by the short name of the table.
_KEYS = {
    "rooms": ("room_id", ""),
    "memberships": ("room_id", "user_id"),
    "friends": ("user_id", "friend_id"),
    "consents": ("user_id", "about"),
    "revocations": ("user_id", ""),
    "presence": ("user_id", "region"),
}
# Seconds. An older entry of this region was not written now: it has come back with its table.
_NEW_S = 300
_NO_EFFECT = "announced"  # what a region has told friends is of no interest elsewhere


class DynamoArrivals:
    def __init__(self, prefix: str, region: Region) -> None:
        self._prefix = f"{prefix}-"
        self._region = region

    def read(self, record: Mapping[str, Any]) -> Arrival | None:
        item = record["dynamodb"].get("NewImage")
        if item is None or text(item, "region") == "":
            return None  # deleted, or nobody's
        table = record["eventSourceARN"].split("/")[1].removeprefix(self._prefix)
        if text(item, "region") == self._region:
            return _own_entry(record, item) if table == "messages" else None
        if table == "messages":
            return _message(record["eventName"], item)
        if table == "reads":
            before = record["dynamodb"].get("OldImage")
            return ReplicatedMarker(
                RoomId(item["room_id"]["S"]),
                marker_of(item),
                marker_of(before) if before is not None else None,
            )
        if table not in _KEYS or _same(record["dynamodb"].get("OldImage", {}), item):
            return None
        partition, sort = _KEYS[table]
        return Replicated(table, item[partition]["S"], item[sort]["S"] if sort else "")


def _message(name: str, item: Mapping[str, Any]) -> Arrival | None:
    """An entry or a dedupe item. What changes an entry later is another entry: a deletion."""
    if name != "INSERT":
        return None
    if item["entry"]["S"].startswith(ENTRY):
        return entry_of(dict(item))
    room_id, _, kind = item["stream"]["S"].partition("#")
    if kind != DEDUPE:
        return None
    message_id = MessageId(item["message_id"]["S"])
    return ReplicatedDedupe(RoomId(room_id), Region(item["region"]["S"]), message_id)


def _own_entry(record: Mapping[str, Any], item: Mapping[str, Any]) -> Entry | None:
    """An entry that this region has just written."""
    if record["eventName"] != "INSERT" or not item["entry"]["S"].startswith(ENTRY):
        return None
    entry = entry_of(dict(item))
    age_s = record["dynamodb"]["ApproximateCreationDateTime"] - entry.timestamp_ms / 1000
    return entry if age_s < _NEW_S else None


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return {**before, _NO_EFFECT: None} == {**after, _NO_EFFECT: None}
