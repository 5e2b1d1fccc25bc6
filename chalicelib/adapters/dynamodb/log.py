"""The rooms' logs.

In the table `messages`, a stream is the partition `{room}#{region}` with its entries
(`e#{message_id}`) and its `head`. The partition `{room}#dedupe` holds the dedupe items,
`{room}#copies` the second copies, by message id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...kernel import tails
from ...kernel.errors import Unavailable
from ...model.identifiers import MessageId, Region, RoomId, Stream, UserId
from ...model.log import (
    BatchResult,
    Committed,
    Copy,
    Duplicate,
    Elsewhere,
    Entry,
    EntryKind,
    Head,
    Reach,
    Refused,
    Taken,
    check_contiguous,
)
from ..aws.errors import TransactionCancelled, unavailable
from ..commits import CommitOne
from . import tail_slots
from .keys import HEAD, copies_key, dedupe_key, entry_key, stream_key
from .log_items import (
    DEDUPE_S,
    copy_of,
    dedupe_item,
    duplicate_of,
    entry_item,
    entry_of,
    head_of,
    reach_names,
)
from .reasons import Reasons
from .table import CONFLICT, FAILED, Item, Table, cancelled, integer, n, s, text

# The mark of a deletion.
_DELETE, _DELETED = "SET deleted = :yes REMOVE content", {":yes": {"BOOL": True}}
_EXISTS, _ENTRY_NAME = "attribute_exists(#entry)", {"#entry": "entry"}


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
            # The client adds a ClientRequestToken: its own retries never write twice.
            with unavailable("the store"):
                client.transact_write_items(TransactItems=list(writes.values()))
            return Committed()
        except TransactionCancelled as refusal:
            reasons = Reasons(dict(zip(writes, refusal.reasons, strict=False)))
            answer = self._refused(entries, now_ms, reasons)
            if answer is None:
                raise cancelled(refusal) from refusal
            return answer

    def find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        item = self._table.get({"stream": s(dedupe_key(room_id)), "entry": s(dedupe)})
        if item is None or integer(item, "expires_ms") <= now_ms:
            return None
        return duplicate_of(item)

    def heads(self, streams: Sequence[Stream]) -> dict[Stream, Head]:
        keys = {stream_key(*stream): stream for stream in streams}
        items = self._table.batch_get([{"stream": s(k), "entry": s(HEAD)} for k in keys])
        found = {text(item, "stream"): item for item in items}
        return {stream: head_of(found.get(key, {})) for key, stream in keys.items()}

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
                heads[region] = head_of(item)
            elif integer(item, "expires_ms") > now_ms:
                first[text(item, "entry")] = duplicate_of(item)
        return Elsewhere(heads, first)

    def note_dedupe(self, entry: Entry, dedupe: str, now_ms: int) -> None:
        if now_ms < entry.timestamp_ms + DEDUPE_S * 1000:
            self._table.put(dedupe_item(entry, dedupe, entry.timestamp_ms))

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
        return [copy_of(room_id, item) for item in items]

    def keep(
        self, entry: Entry, dedupe: str | None, deletion: str, own: Region, now_ms: int
    ) -> bool:
        stream = (entry.room_id, entry.region)
        # First: a head that is further than the entries promises nothing.
        self._note(stream, own, {"seq": n(entry.seq), "last_id": s(entry.message_id)})
        writes = [
            self._entry_write(replace(entry, kept=True)),
            self._absence(dedupe_key(entry.room_id), deletion),
        ]
        if dedupe is not None and now_ms < entry.timestamp_ms + DEDUPE_S * 1000:
            # If it was replicated, this writes the same once more.
            item = dedupe_item(entry, dedupe, entry.timestamp_ms)
            writes.append({"Put": {"TableName": self._table.name, "Item": item}})
        client = self._table.client
        try:
            with unavailable("the store"):
                client.transact_write_items(TransactItems=writes)
            return True
        except TransactionCancelled as refusal:
            codes = {reason.get("Code") for reason in refusal.reasons}
            if FAILED in codes:
                return False
            if CONFLICT in codes:
                raise Unavailable("the entry is being written, try again") from refusal
            raise cancelled(refusal) from refusal

    def pass_over(self, stream: Stream, seq: int, own: Region) -> None:
        self._note(stream, own, {"passed": n(seq)})

    def restore_head(self, stream: Stream, reach: Reach) -> None:
        assert reach.last_id is not None
        self._table.update(
            {"stream": s(stream_key(*stream)), "entry": s(HEAD)},
            "SET seq = :seq, last_id = :id",
            {":seq": n(reach.seq), ":id": s(reach.last_id)},
            ConditionExpression="attribute_not_exists(seq) OR seq < :seq",
        )

    def mark_deleted(self, entry: Entry) -> None:
        self._table.update(
            {
                "stream": s(stream_key(entry.room_id, entry.region)),
                "entry": s(entry_key(entry.message_id)),
            },
            _DELETE,
            _DELETED,
            ConditionExpression=_EXISTS,
            ExpressionAttributeNames=_ENTRY_NAME,
        )

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None:
        key = {"stream": s(stream_key(room_id, region)), "entry": s(entry_key(message_id))}
        item = self._table.get(key)
        return entry_of(item) if item is not None else None

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
        return [entry_of(item) for item in inside[:limit]]

    def _refused(
        self,
        entries: Sequence[tuple[Entry, str | None]],
        now_ms: int,
        reasons: Reasons,
    ) -> BatchResult | None:
        """What the cancellation means; None if it is an unexpected error."""
        known = self._known(entries, now_ms, reasons)
        head = head_of(reasons.head) if reasons.head else None
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
                found[number] = duplicate_of(item)
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
                "Item": entry_item(entry),
                "ConditionExpression": "attribute_not_exists(#entry)",
                "ExpressionAttributeNames": {"#entry": "entry"},
            }
        }

    def _dedupe_write(self, entry: Entry, dedupe: str, now_ms: int) -> Item:
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": dedupe_item(entry, dedupe, now_ms),
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
                "UpdateExpression": _DELETE,
                "ConditionExpression": _EXISTS,
                "ExpressionAttributeNames": _ENTRY_NAME,
                "ExpressionAttributeValues": _DELETED,
            }
        }

    def _absence(self, stream: str, entry: str) -> Item:
        return {
            "ConditionCheck": {
                "TableName": self._table.name,
                "Key": {"stream": s(stream), "entry": s(entry)},
                "ConditionExpression": "attribute_not_exists(#entry)",
                "ExpressionAttributeNames": _ENTRY_NAME,
            }
        }

    def _note(self, stream: Stream, own: Region, reach: Mapping[str, Item]) -> None:
        """Set attributes of `reach_names` in this region's own head, if they are further.

        Args:
            reach: Their values; the first decides.
        """
        room_id, region = stream
        names, first = reach_names(region), next(iter(reach))
        self._table.update(
            {"stream": s(stream_key(room_id, own)), "entry": s(HEAD)},
            "SET " + ", ".join(f"#{name} = :{name}" for name in reach),
            {f":{name}": value for name, value in reach.items()},
            ConditionExpression=f"attribute_not_exists(#{first}) OR #{first} < :{first}",
            ExpressionAttributeNames={f"#{name}": names[name] for name in reach},
        )
