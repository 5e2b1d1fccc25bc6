"""The twin of the table `deliveries`: see `ports.Cursors`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...model.delivery import Cursor, Place, without
from ...model.identifiers import ConnectionId, Region, RoomId, Stream, UserId
from ...model.log import Entry, Head

_Key = tuple[RoomId, Region, int | None]


class MemoryCursors:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursors: dict[_Key, Cursor] = {}

    def get(self, room_id: RoomId, region: Region) -> Cursor:
        with self._lock:
            return self._held((room_id, region, None))

    def of(self, streams: Sequence[Stream]) -> dict[Stream, Cursor]:
        with self._lock:
            return {stream: self._held((*stream, None)) for stream in streams}

    def parts(
        self, room_id: RoomId, region: Region, parts: Sequence[int]
    ) -> tuple[Cursor, list[Cursor]]:
        with self._lock:
            return (
                self._held((room_id, region, None)),
                [self._held((room_id, region, part)) for part in parts],
            )

    def note_new(self, room_id: RoomId, region: Region) -> None:
        key = room_id, region, None
        with self._lock:
            held = self._held(key)
            if not held.seq:
                self._cursors[key] = replace(held, is_new=True)

    def advance(
        self, entry: Entry, split_at_ms: int, part: int | None = None, fence: int = 0
    ) -> bool:
        key = entry.room_id, entry.region, part
        with self._lock:
            held = self._held(key)
            if entry.seq <= held.seq or fence < held.fence:
                return False
            self._cursors[key] = replace(
                held,
                seq=entry.seq,
                message_id=entry.message_id,
                split_at_ms=split_at_ms,
                fence=fence,
            )
            return True

    def keep_place(
        self, entry: Entry, user_id: UserId, part: int | None = None, fence: int = 0
    ) -> bool:
        key = entry.room_id, entry.region, part
        with self._lock:
            held = self._held(key)
            if fence < held.fence:
                return False
            self._cursors[key] = replace(held, place=Place(entry.seq, user_id), fence=fence)
            return True

    def split(self, room_id: RoomId, region: Region, cursor: Cursor, at_ms: int) -> bool:
        key = room_id, region, None
        with self._lock:
            held = self._held(key)
            if held.split is not None or held.seq != cursor.seq:
                return False
            split = Head(cursor.seq, cursor.message_id)
            self._cursors[key] = replace(held, split=split, split_at_ms=at_ms)
            return True

    def join(self, room_id: RoomId, region: Region, seq: int) -> bool:
        key = room_id, region, None
        with self._lock:
            held = self._held(key)
            if held.seq != seq:
                return False
            self._cursors[key] = replace(held, split=None, split_at_ms=0)
            return True

    def wait(self, room_id: RoomId, region: Region, seq: int) -> None:
        key = room_id, region, None
        with self._lock:
            held = self._held(key)
            self._cursors[key] = replace(held, waiting=max(held.waiting, seq))

    def pass_over(self, room_id: RoomId, region: Region, cursor: Cursor, last: int) -> bool:
        key = room_id, region, None
        with self._lock:
            held = self._held(key)
            if held.seq != cursor.seq:
                return False
            passed = (*cursor.passed, (cursor.seq + 1, last))
            self._cursors[key] = replace(held, seq=last, passed=passed)
            return True

    def late(self, room_id: RoomId, region: Region, cursor: Cursor, seq: int) -> bool:
        key = room_id, region, None
        with self._lock:
            held = self._held(key)
            if held.passed != cursor.passed:
                return False
            self._cursors[key] = replace(held, passed=without(held.passed, seq))
            return True

    def fall_behind(
        self,
        room_id: RoomId,
        region: Region,
        behind: Mapping[ConnectionId, int],
        part: int | None = None,
        fence: int = 0,
    ) -> bool:
        key = room_id, region, part
        with self._lock:
            held = self._held(key)
            if fence < held.fence:
                return False
            self._cursors[key] = replace(held, behind={**held.behind, **behind}, fence=fence)
            return True

    def catch_up(
        self,
        room_id: RoomId,
        region: Region,
        origin: ConnectionId,
        seq: int,
        part: int | None = None,
    ) -> None:
        key = room_id, region, part
        with self._lock:
            held = self._held(key)
            if held.behind.get(origin) == seq:
                left = {each: of for each, of in held.behind.items() if each != origin}
                self._cursors[key] = replace(held, behind=left)

    def _held(self, key: _Key) -> Cursor:
        return self._cursors.get(key, Cursor())
