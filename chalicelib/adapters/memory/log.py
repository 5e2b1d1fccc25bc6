"""The twin of the log: see `ports.MessageLog`."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

from ...kernel import nesting, tails
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
from ..commits import CommitOne

DEDUPE_MS = 24 * 3_600_000


class MemoryMessageLog(CommitOne):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[Stream, dict[MessageId, Entry]] = {}
        self._heads: dict[Stream, Head] = {}
        self._tails: dict[Stream, dict[int, int]] = {}
        self._copies: dict[tuple[RoomId, MessageId], Copy] = {}
        self._reaches: dict[tuple[Stream, Region], Reach] = {}
        self._dedupes: dict[tuple[RoomId, str], tuple[int, Duplicate]] = {}

    def commit_all(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> BatchResult:
        check_contiguous([entry for entry, _ in entries], previous)
        with self._lock:
            refusal = self._refusal(entries, previous, now_ms)
            if refusal is not None:
                return refusal
            for entry, dedupe in entries:
                if entry.kind is EntryKind.DELETION:
                    self._delete(entry)
                stream = (entry.room_id, entry.region)
                self._entries.setdefault(stream, {})[entry.message_id] = entry
                tail = {**self._tails.get(stream, {}), **tails.written(entry)}
                self._tails[stream] = dict(sorted(tail.items())[-tails.LENGTH :])
                self._heads[stream] = Head(entry.seq, entry.message_id, self._tails[stream])
                if dedupe is not None:
                    first = Duplicate(entry.message_id, entry.region, entry.seq, entry.timestamp_ms)
                    self._dedupes[(entry.room_id, dedupe)] = (now_ms + DEDUPE_MS, first)
        return Committed()

    def find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        with self._lock:
            return self._find(room_id, dedupe, now_ms)

    def heads(self, streams: Sequence[Stream]) -> dict[Stream, Head]:
        with self._lock:
            return {stream: self._head(stream) for stream in streams}

    def elsewhere(
        self, room_id: RoomId, regions: Sequence[Region], dedupes: Sequence[str], now_ms: int
    ) -> Elsewhere:
        with self._lock:
            heads = {region: self._head((room_id, region)) for region in regions}
            known = {dedupe: self._find(room_id, dedupe, now_ms) for dedupe in dedupes}
        return Elsewhere(heads, {key: first for key, first in known.items() if first is not None})

    def note_dedupe(self, entry: Entry, dedupe: str, now_ms: int) -> None:
        with self._lock:
            self._note_dedupe(entry, dedupe, now_ms)

    def note_copy(self, copy: Copy, sender: UserId, own: bool) -> None:
        stream = (copy.room_id, copy.region)
        with self._lock:
            self._copies[copy.room_id, copy.message_id] = copy
            tail = self._tails.get(stream, {})
            if own and tail.get(copy.seq) == tails.author(sender):
                self._tails[stream] = {**tail, copy.seq: tails.NOBODY}
                head = self._heads[stream]
                self._heads[stream] = Head(head.seq, head.last_id, self._tails[stream])

    def copies(self, room_id: RoomId, low: MessageId, high: MessageId) -> list[Copy]:
        with self._lock:
            found = [each for each in self._copies.values() if each.room_id == room_id]
        inside = (each for each in found if low <= each.message_id <= high)
        return sorted(inside, key=lambda each: each.message_id)

    def keep(
        self, entry: Entry, dedupe: str | None, deletion: str, own: Region, now_ms: int
    ) -> bool:
        stream = (entry.room_id, entry.region)
        with self._lock:
            self._note_reach(stream, own, Reach(entry.seq, entry.message_id))
            known = entry.message_id in self._entries.get(stream, {})
            if known or (entry.room_id, deletion) in self._dedupes:
                return False
            if dedupe is not None:
                self._note_dedupe(entry, dedupe, now_ms)
            self._entries.setdefault(stream, {})[entry.message_id] = replace(entry, kept=True)
        return True

    def pass_over(self, stream: Stream, seq: int, own: Region) -> None:
        with self._lock:
            self._note_reach(stream, own, Reach(passed=seq))

    def restore_head(self, stream: Stream, reach: Reach) -> None:
        with self._lock:
            if self._heads.get(stream, Head(0, None)).seq < reach.seq:
                self._heads[stream] = Head(reach.seq, reach.last_id)

    def mark_deleted(self, entry: Entry) -> None:
        entries = self._entries.get((entry.room_id, entry.region), {})
        with self._lock:
            here = entries.get(entry.message_id)
            if here is not None:
                entries[entry.message_id] = replace(here, deleted=True, content=None)

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None:
        with self._lock:
            entry = self._entries.get((room_id, region), {}).get(message_id)
        return _readable(entry) if entry is not None else None

    def after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        entries = self._sorted(room_id, region)
        following = bisect_right(entries, message_id, key=_id_of)
        return [_readable(each) for each in entries[following : following + limit]]

    def before(
        self, room_id: RoomId, region: Region, message_id: MessageId | None, limit: int
    ) -> list[Entry]:
        entries = self._sorted(room_id, region)
        end = len(entries) if message_id is None else bisect_left(entries, message_id, key=_id_of)
        return [_readable(each) for each in reversed(entries[max(0, end - limit) : end])]

    def _head(self, stream: Stream) -> Head:
        head = self._heads.get(stream, Head(0, MessageId("")))
        found = {region: reach for (by, region), reach in self._reaches.items() if by == stream}
        return replace(head, reach=found) if found else head

    def _note_reach(self, stream: Stream, own: Region, more: Reach) -> None:
        room_id, region = stream
        key = ((room_id, own), region)
        before = self._reaches.get(key, Reach())
        further = more if more.seq > before.seq else before
        passed = max(before.passed, more.passed)
        self._reaches[key] = Reach(further.seq, further.last_id, passed)

    def _note_dedupe(self, entry: Entry, dedupe: str, now_ms: int) -> None:
        expires_ms = entry.timestamp_ms + DEDUPE_MS
        if now_ms < expires_ms:
            first = Duplicate(entry.message_id, entry.region, entry.seq, entry.timestamp_ms)
            self._dedupes[entry.room_id, dedupe] = (expires_ms, first)

    def _find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        expires_ms, first = self._dedupes.get((room_id, dedupe), (0, None))
        return first if now_ms < expires_ms else None

    def _refusal(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> Refused | Taken | None:
        """Why the entries cannot be written, in the order in which DynamoDB's adapter answers."""
        stream = (entries[0][0].room_id, entries[0][0].region)
        head = self._heads.get(stream, Head(0, MessageId("")))
        taken = head.seq != previous.seq or (head.last_id or "") >= entries[0][0].message_id
        known: dict[int, Duplicate | None] = {}
        for number, (entry, dedupe) in enumerate(entries):
            first = self._find(entry.room_id, dedupe, now_ms) if dedupe is not None else None
            if first is not None:
                known[number] = first
        if known:
            return Refused(known, head if taken else None)
        restored = self._entries.get(stream, {})
        if taken or any(entry.message_id in restored for entry, _ in entries):
            return Taken(head)
        missing = [number for number, (entry, _) in enumerate(entries) if not self._aim(entry)]
        return Refused(dict.fromkeys(missing)) if missing else None

    def _aim(self, entry: Entry) -> bool:
        """Whether the message that a deletion deletes exists; true for other entries."""
        if entry.kind is not EntryKind.DELETION:
            return True
        stream = (entry.room_id, Region(entry.content["region"]))
        return entry.target_id in self._entries.get(stream, {})

    def _delete(self, entry: Entry) -> None:
        entries = self._entries[entry.room_id, Region(entry.content["region"])]
        assert entry.target_id is not None
        target = entries[entry.target_id]
        entries[entry.target_id] = replace(target, deleted=True, content=None)

    def _sorted(self, room_id: RoomId, region: Region) -> list[Entry]:
        with self._lock:
            entries = self._entries.get((room_id, region), {})
            return [entries[key] for key in sorted(entries)]


def _id_of(entry: Entry) -> MessageId:
    return entry.message_id


def _readable(entry: Entry) -> Entry:
    return replace(entry, content=nesting.readable(entry.content))
