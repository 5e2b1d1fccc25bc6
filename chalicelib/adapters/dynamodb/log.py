"""The rooms' logs.

In the table `messages`, a stream is the partition `{room}#{region}` with its entries
(`e#{message_id}`) and its `head`. The partition `{room}#dedupe` holds the dedupe items,
`{room}#copies` the second copies, by message id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...kernel import nesting, tails
from ...model.identifiers import ConnectionId, MessageId, Region, RoomId, Stream, UserId
from ...model.log import (
    BatchResult,
    Committed,
    Copy,
    Duplicate,
    Elsewhere,
    Entry,
    EntryKind,
    Head,
    Refused,
    Taken,
    check_contiguous,
)
from ..aws import unavailable
from ..commits import CommitOne
from . import tail_slots
from .keys import HEAD, copies_key, dedupe_key, entry_key, stream_key
from .reasons import Reasons
from .table import Item, Table, cancelled, integer, n, reasons_of, s, text, to_json

_DEDUPE_S = 24 * 3600


class DynamoMessageLog(CommitOne):
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-messages")

    def commit_all(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> BatchResult:
        """One transaction; see `ports.MessageLog.commit_all`.

        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        """
        check_contiguous([entry for entry, _ in entries], previous)
        client = self._table.client
        writes = self._writes(entries, previous, now_ms)
        try:
            # The SDK adds a ClientRequestToken: its own retries never write twice.
            with unavailable("the store"):
                client.transact_write_items(TransactItems=list(writes.values()))
            return Committed()
        except client.exceptions.TransactionCanceledException as refusal:
            reasons = Reasons(dict(zip(writes, reasons_of(refusal), strict=False)))
            answer = self._refused(entries, now_ms, reasons)
            if answer is None:
                raise cancelled(refusal) from refusal
            return answer

    def find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        item = self._table.get({"stream": s(dedupe_key(room_id)), "entry": s(dedupe)})
        if item is None or integer(item, "expires_ms") <= now_ms:
            return None
        return _duplicate(item)

    def heads(self, streams: Sequence[Stream]) -> dict[Stream, Head]:
        keys = {stream_key(*stream): stream for stream in streams}
        items = self._table.batch_get([{"stream": s(k), "entry": s(HEAD)} for k in keys])
        found = {text(item, "stream"): item for item in items}
        return {stream: _head(found.get(key, {})) for key, stream in keys.items()}

    def elsewhere(
        self, room_id: RoomId, regions: Sequence[Region], dedupes: Sequence[str], now_ms: int
    ) -> Elsewhere:
        streams = {stream_key(room_id, region): region for region in regions}
        keys = [(stream, HEAD) for stream in streams]
        keys += [(dedupe_key(room_id), dedupe) for dedupe in dict.fromkeys(dedupes)]
        items = self._table.batch_get([{"stream": s(a), "entry": s(b)} for a, b in keys])
        heads = {region: Head(0, MessageId("")) for region in regions}
        first: dict[str, Duplicate] = {}
        for item in items:
            region = streams.get(text(item, "stream"))
            if region is not None:
                heads[region] = _head(item)
            elif integer(item, "expires_ms") > now_ms:
                first[text(item, "entry")] = _duplicate(item)
        return Elsewhere(heads, first)

    def note_copy(self, copy: Copy, sender: UserId, own: bool) -> None:
        item = {
            "stream": s(copies_key(copy.room_id)),
            "entry": s(copy.message_id),
            "region": s(copy.region),
            "seq": n(copy.seq),
            "of_id": s(copy.of_id),
            "of_region": s(copy.of_region),
        }
        self._table.put(item)
        if own:
            slots, held = tail_slots.cleared(copy.seq, tails.author(sender))
            [name] = slots.names
            self._table.update(
                {"stream": s(stream_key(copy.room_id, copy.region)), "entry": s(HEAD)},
                f"SET {slots.assignments}",
                {**slots.values, ":held": held},
                ConditionExpression=f"{name} = :held",
                ExpressionAttributeNames=slots.names,
            )

    def copies(self, room_id: RoomId, low: MessageId, high: MessageId) -> list[Copy]:
        items = self._table.query(
            KeyConditionExpression="#stream = :stream AND #entry BETWEEN :low AND :high",
            ExpressionAttributeNames={"#stream": "stream", "#entry": "entry"},
            ExpressionAttributeValues={
                ":stream": s(copies_key(room_id)),
                ":low": s(low),
                ":high": s(high),
            },
            ConsistentRead=True,
        )
        return [_copy(room_id, item) for item in items]

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None:
        key = {"stream": s(stream_key(room_id, region)), "entry": s(entry_key(message_id))}
        item = self._table.get(key)
        return _entry(item) if item is not None else None

    def after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        return self._range(room_id, region, entry_key(message_id), "e#~", limit, forward=True)

    def before(
        self, room_id: RoomId, region: Region, message_id: MessageId | None, limit: int
    ) -> list[Entry]:
        high = entry_key(message_id) if message_id is not None else "e#~"
        return self._range(room_id, region, "e#", high, limit, forward=False)

    def _range(
        self, room_id: RoomId, region: Region, low: str, high: str, limit: int, forward: bool
    ) -> list[Entry]:
        """Entries strictly between the keys. Reads one more, as BETWEEN includes its ends."""
        if low >= high:
            return []
        items = self._table.query(
            KeyConditionExpression="#stream = :stream AND #entry BETWEEN :low AND :high",
            ExpressionAttributeNames={"#stream": "stream", "#entry": "entry"},
            ExpressionAttributeValues={
                ":stream": s(stream_key(room_id, region)),
                ":low": s(low),
                ":high": s(high),
            },
            ConsistentRead=True,
            ScanIndexForward=forward,
            Limit=limit + 1,
        )
        inside = [item for item in items if low < text(item, "entry") < high]
        return [_entry(item) for item in inside[:limit]]

    def _refused(
        self,
        entries: Sequence[tuple[Entry, str | None]],
        now_ms: int,
        reasons: Reasons,
    ) -> BatchResult | None:
        """What the cancellation means; None if it is an unexpected error."""
        known = self._known(entries, now_ms, reasons)
        head = _head(reasons.head) if reasons.head else None
        if known:
            return Refused(known, head)
        if head is not None:
            return Taken(head)
        if reasons.outrun:
            stream = (entries[0][0].room_id, entries[0][0].region)
            return Taken(self.heads([stream])[stream])
        missing = [number for number in range(len(entries)) if reasons.no_target(number)]
        return Refused(dict.fromkeys(missing)) if missing else None

    def _known(
        self,
        entries: Sequence[tuple[Entry, str | None]],
        now_ms: int,
        reasons: Reasons,
    ) -> dict[int, Duplicate | None]:
        """The entries whose dedupe keys were used before.

        A refusal without its item is read if the entry is alone. In a batch it is not: the next
        attempt will have the items.
        """
        found: dict[int, Duplicate | None] = {}
        for number, (entry, dedupe) in enumerate(entries):
            reason = reasons.dedupe(number)
            if dedupe is None or reason is None:
                continue
            item = reason.get("Item")
            if item:
                found[number] = _duplicate(item)
            elif len(entries) == 1:
                known = self.find(entry.room_id, dedupe, now_ms)
                found |= {number: known} if known is not None else {}
        return found

    def _writes(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> dict[str, Item]:
        """The writes of the transaction, by name: "head", "entry#0", "dedupe#0", "target#0" …"""
        writes = {"head": self._head_write([entry for entry, _ in entries], previous)}
        for number, (entry, dedupe) in enumerate(entries):
            writes[f"entry#{number}"] = self._entry_write(entry)
            if dedupe is not None:
                writes[f"dedupe#{number}"] = self._dedupe_write(entry, dedupe, now_ms)
            if entry.kind is EntryKind.DELETION:
                writes[f"target#{number}"] = self._deletion_write(entry)
        return writes

    def _head_write(self, entries: Sequence[Entry], previous: Head) -> Item:
        """The move of the head to the last of these entries."""
        first, entry = entries[0], entries[-1]
        empty = "attribute_not_exists(seq)"
        follows = "seq = :previous AND last_id < :first"
        values = {":seq": n(entry.seq), ":id": s(entry.message_id)}
        slots = tail_slots.written(entries)
        if previous.seq:
            values |= {":previous": n(previous.seq), ":first": s(first.message_id)}
        return {
            "Update": {
                "TableName": self._table.name,
                "Key": {"stream": s(stream_key(entry.room_id, entry.region)), "entry": s(HEAD)},
                "UpdateExpression": f"SET seq = :seq, last_id = :id{slots.assignments}",
                "ConditionExpression": follows if previous.seq else empty,
                "ExpressionAttributeNames": slots.names,
                "ExpressionAttributeValues": {**values, **slots.values},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _entry_write(self, entry: Entry) -> Item:
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": _entry_item(entry),
                "ConditionExpression": "attribute_not_exists(#entry)",
                "ExpressionAttributeNames": {"#entry": "entry"},
            }
        }

    def _dedupe_write(self, entry: Entry, dedupe: str, now_ms: int) -> Item:
        item = {
            "stream": s(dedupe_key(entry.room_id)),
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
                "TableName": self._table.name,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(#entry) OR expires_ms <= :now",
                "ExpressionAttributeNames": {"#entry": "entry"},
                "ExpressionAttributeValues": {":now": n(now_ms)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _deletion_write(self, entry: Entry) -> Item:
        stream = stream_key(entry.room_id, Region(entry.content["region"]))
        assert entry.target_id is not None
        return {
            "Update": {
                "TableName": self._table.name,
                "Key": {"stream": s(stream), "entry": s(entry_key(entry.target_id))},
                "UpdateExpression": "SET deleted = :yes REMOVE content",
                "ConditionExpression": "attribute_exists(#entry)",
                "ExpressionAttributeNames": {"#entry": "entry"},
                "ExpressionAttributeValues": {":yes": {"BOOL": True}},
            }
        }


def _head(item: Item) -> Head:
    seq = integer(item, "seq")
    return Head(seq, MessageId(text(item, "last_id")), tail_slots.read(item, seq))


def _copy(room_id: RoomId, item: Item) -> Copy:
    return Copy(
        room_id,
        MessageId(text(item, "entry")),
        Region(text(item, "region")),
        integer(item, "seq"),
        MessageId(text(item, "of_id")),
        Region(text(item, "of_region")),
    )


def _duplicate(item: Item) -> Duplicate:
    return Duplicate(
        MessageId(text(item, "message_id")),
        Region(text(item, "region")),
        integer(item, "seq"),
        integer(item, "timestamp_ms"),
    )


def _entry_item(entry: Entry) -> Item:
    item: Item = {
        "stream": s(stream_key(entry.room_id, entry.region)),
        "entry": s(entry_key(entry.message_id)),
        "room_id": s(entry.room_id),
        "region": s(entry.region),
        "seq": n(entry.seq),
        "kind": s(entry.kind),
        "sender_id": s(entry.sender_id),
        "timestamp_ms": n(entry.timestamp_ms),
        "message_type": s(entry.message_type),
        "content": s(to_json(entry.content)),
        "deleted": {"BOOL": entry.deleted},
    }
    if entry.delivery_receipt:
        item["delivery_receipt"] = {"BOOL": True}
    for name in ("reply_to_message_id", "client_message_id", "target_id", "origin_id"):
        value = getattr(entry, name)
        if value is not None:
            item[name] = s(value)
    return item


def _entry(item: Item) -> Entry:
    def optional(name: str) -> str | None:
        return text(item, name) if name in item else None

    content = optional("content")
    reply, target, origin = (
        optional("reply_to_message_id"),
        optional("target_id"),
        optional("origin_id"),
    )
    return Entry(
        room_id=RoomId(text(item, "room_id")),
        region=Region(text(item, "region")),
        seq=integer(item, "seq"),
        message_id=MessageId(text(item, "entry")[2:]),
        kind=EntryKind(text(item, "kind")),
        sender_id=UserId(text(item, "sender_id")),
        timestamp_ms=integer(item, "timestamp_ms"),
        message_type=text(item, "message_type"),
        content=nesting.read(content) if content is not None else None,
        reply_to_message_id=MessageId(reply) if reply else None,
        client_message_id=optional("client_message_id"),
        target_id=MessageId(target) if target else None,
        deleted=bool(item["deleted"]["BOOL"]),
        origin_id=ConnectionId(origin) if origin else None,
        delivery_receipt="delivery_receipt" in item,
    )
