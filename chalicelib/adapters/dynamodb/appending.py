"""The transaction that appends entries to a stream, and what its refusal means.

Its writes are, for each entry: the entry, its dedupe item, and the mark on a deleted message. The
stream's head is written once.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...model.identifiers import Region
from ...model.log import Entry, EntryKind, Head
from .items import entry_item, stream_key
from .table import CONFLICT, FAILED, Item, n, s

_HEAD = "head"
_DEDUPE_S = 24 * 3600
_KEPT = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a transaction was cancelled: a code for each write, and the item that is in the way.

    A failed condition returns the item on which it failed. A conflict with another running
    transaction returns nothing.
    """

    by: Mapping[str, Item]

    @property
    def head(self) -> Item | None:
        """The true head, if the condition on it failed."""
        return self.by.get(_HEAD, {}).get("Item") if self._code(_HEAD) == FAILED else None

    @property
    def outrun(self) -> bool:
        """Whether another writer was faster, or is just writing."""
        taken = FAILED in (self._code(_HEAD), *self._codes("entry"))
        return taken or CONFLICT in (self._code(name) for name in self.by)

    def dedupe(self, number: int) -> Item | None:
        """The reason of this entry's dedupe item; None if it is not in the way."""
        reason = self.by.get(f"dedupe#{number}", {})
        return reason if reason.get("Code", "None") != "None" else None

    def no_target(self, number: int) -> bool:
        return self._code(f"target#{number}") == FAILED

    def _code(self, name: str) -> str:
        return str(self.by.get(name, {}).get("Code", "None"))

    def _codes(self, kind: str) -> Iterator[str]:
        return (self._code(name) for name in self.by if name.startswith(f"{kind}#"))


def writes(
    table: str, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
) -> dict[str, Item]:
    """The writes of the transaction, by name: "head", and "entry#0", "dedupe#0", "target#0" …"""
    made = {_HEAD: _head(table, entries, previous)}
    for number, (entry, dedupe) in enumerate(entries):
        made[f"entry#{number}"] = _entry(table, entry)
        if dedupe is not None:
            made[f"dedupe#{number}"] = _dedupe(table, entry, dedupe, now_ms)
        if entry.kind is EntryKind.DELETION:
            made[f"target#{number}"] = _deletion(table, entry)
    return made


def _head(table: str, entries: Sequence[tuple[Entry, str | None]], previous: Head) -> Item:
    first, last = entries[0][0], entries[-1][0]
    values = {":seq": n(last.seq), ":id": s(last.message_id)}
    if previous.seq:
        values |= {":previous": n(previous.seq), ":first": s(first.message_id)}
    follows = "seq = :previous AND last_id < :first"
    return {
        "Update": {
            "TableName": table,
            "Key": {"stream": s(stream_key(first.room_id, first.region)), "entry": s(_HEAD)},
            "UpdateExpression": "SET seq = :seq, last_id = :id",
            "ConditionExpression": follows if previous.seq else "attribute_not_exists(seq)",
            "ExpressionAttributeValues": values,
            **_KEPT,
        }
    }


def _entry(table: str, entry: Entry) -> Item:
    return {
        "Put": {
            "TableName": table,
            "Item": entry_item(entry),
            "ConditionExpression": "attribute_not_exists(#entry)",
            "ExpressionAttributeNames": {"#entry": "entry"},
        }
    }


def _dedupe(table: str, entry: Entry, dedupe: str, now_ms: int) -> Item:
    item = {
        "stream": s(f"{entry.room_id}#dedupe"),
        "entry": s(dedupe),
        "message_id": s(entry.message_id),
        "region": s(entry.region),
        "seq": n(entry.seq),
        "timestamp_ms": n(entry.timestamp_ms),
        "expires_ms": n(now_ms + _DEDUPE_S * 1000),
        "ttl": n(now_ms // 1000 + _DEDUPE_S + 3600),
    }
    return {
        "Put": {
            "TableName": table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(#entry) OR expires_ms <= :now",
            "ExpressionAttributeNames": {"#entry": "entry"},
            "ExpressionAttributeValues": {":now": n(now_ms)},
            **_KEPT,
        }
    }


def _deletion(table: str, entry: Entry) -> Item:
    stream = stream_key(entry.room_id, Region(entry.content["region"]))
    return {
        "Update": {
            "TableName": table,
            "Key": {"stream": s(stream), "entry": s(f"e#{entry.target_id}")},
            "UpdateExpression": "SET deleted = :yes REMOVE content",
            "ConditionExpression": "attribute_exists(#entry)",
            "ExpressionAttributeNames": {"#entry": "entry"},
            "ExpressionAttributeValues": {":yes": {"BOOL": True}},
        }
    }
