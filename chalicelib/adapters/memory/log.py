"""The twin of the log: see `ports.MessageLog`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from ...kernel import nesting
from ...kernel.errors import NotFound
from ...model.identifiers import MessageId, Region, RoomId, Stream
from ...model.log import CommitResult, Committed, Duplicate, Entry, EntryKind, Head, Taken

DEDUPE_MS = 24 * 3_600_000


class MemoryMessageLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[Stream, dict[MessageId, Entry]] = {}
        self._heads: dict[Stream, Head] = {}
        self._dedupes: dict[tuple[RoomId, str], tuple[int, Duplicate]] = {}

    def commit(self, entry: Entry, previous: Head, dedupe: str | None, now_ms: int) -> CommitResult:
        if entry.seq != previous.seq + 1:
            raise ValueError("entry.seq must be previous.seq + 1")
        stream = (entry.room_id, entry.region)
        with self._lock:
            if dedupe is not None:
                known = self._find(entry.room_id, dedupe, now_ms)
                if known is not None:
                    return known
            head = self._heads.get(stream, Head(0, MessageId("")))
            if head.seq != previous.seq or (head.last_id or "") >= entry.message_id:
                return Taken(head)
            if entry.message_id in self._entries.get(stream, {}):  # restored earlier
                return Taken(head)
            if entry.kind is EntryKind.DELETION:
                self._delete(entry)
            self._entries.setdefault(stream, {})[entry.message_id] = entry
            self._heads[stream] = Head(entry.seq, entry.message_id)
            if dedupe is not None:
                first = Duplicate(entry.message_id, entry.region, entry.seq, entry.timestamp_ms)
                self._dedupes[(entry.room_id, dedupe)] = (now_ms + DEDUPE_MS, first)
        return Committed()

    def find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        with self._lock:
            return self._find(room_id, dedupe, now_ms)

    def restore(self, entry: Entry) -> None:
        with self._lock:
            entries = self._entries.setdefault((entry.room_id, entry.region), {})
            entries.setdefault(entry.message_id, entry)

    def heads(self, streams: Sequence[Stream]) -> dict[Stream, Head]:
        with self._lock:
            return {stream: self._heads.get(stream, Head(0, MessageId(""))) for stream in streams}

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None:
        with self._lock:
            entry = self._entries.get((room_id, region), {}).get(message_id)
        return _readable(entry) if entry is not None else None

    def after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        return [e for e in self._sorted(room_id, region) if e.message_id > message_id][:limit]

    def before(
        self, room_id: RoomId, region: Region, message_id: MessageId | None, limit: int
    ) -> list[Entry]:
        entries = reversed(self._sorted(room_id, region))
        return [e for e in entries if message_id is None or e.message_id < message_id][:limit]

    def _find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        expires_ms, first = self._dedupes.get((room_id, dedupe), (0, None))
        return first if now_ms < expires_ms else None

    def _delete(self, entry: Entry) -> None:
        entries = self._entries.get((entry.room_id, Region(entry.content["region"])), {})
        if entry.target_id not in entries:
            raise NotFound("the message does not exist")
        target = entries[entry.target_id]
        entries[entry.target_id] = replace(target, deleted=True, content=None)

    def _sorted(self, room_id: RoomId, region: Region) -> list[Entry]:
        with self._lock:
            entries = self._entries.get((room_id, region), {})
            return [_readable(entries[key]) for key in sorted(entries)]


def _readable(entry: Entry) -> Entry:
    return replace(entry, content=nesting.readable(entry.content))
