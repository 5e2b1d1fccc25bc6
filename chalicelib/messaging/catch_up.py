"""Sync: what conversations have after the positions that a device sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..contract import positions
from ..kernel import telemetry
from ..kernel.errors import CacheDown, TidingsError
from ..model.identifiers import MessageId, Region, RoomId
from ..model.log import Entry, EntryKind, Head
from ..ports.log import MessageLog, Recents
from . import sizes
from .reading import MessageReader


@dataclass(frozen=True, slots=True)
class Caught:
    """One conversation's answer to a sync.

    Attributes:
        recovered: The entries are exactly what came after the given position.
        more: There is more after `position`: ask again with it.
        unreadable: The log cannot be read; the other fields then mean nothing.
    """

    entries: list[Entry]
    position: str
    recovered: bool
    more: bool
    unreadable: bool = False


class CatchUp:
    def __init__(
        self,
        log: MessageLog,
        reader: MessageReader,
        recents: Recents,
    ) -> None:
        self._log = log
        self._reader = reader
        self._recents = recents

    def since(self, given: Mapping[RoomId, str], limit: int) -> dict[RoomId, Caught]:
        """Return what each conversation has after the given position ("" means: a snapshot).

        One batched DynamoDB read for all heads; a room without new entries costs nothing more.
        The whole answer fits into one frame; what does not fit comes with the next sync. A room
        that cannot be read does not affect the others.
        """
        heads = self._reader.heads(list(given))
        try:
            recent = self._recents.recent(list(given))
        except CacheDown:
            recent = {}
        room_for = sizes.SYNC_BYTES - sum(
            sizes.of_conversation(room_id, positions.encode(heads[room_id])) for room_id in given
        )
        answer: dict[RoomId, Caught] = {}
        for room_id, text in given.items():
            held = recent.get(room_id, [])
            try:
                caught = self._catch_up(room_id, text, heads[room_id], held, limit, room_for)
            except TidingsError:
                raise
            except Exception as fault:  # noqa: BLE001 - it would fail again; the answer says so
                telemetry.error("room_unreadable", fault, room_id=room_id)
                caught = Caught([], text, recovered=False, more=False, unreadable=True)
            room_for -= sum(map(sizes.of_message, caught.entries))
            answer[room_id] = caught
        return answer

    def _catch_up(
        self,
        room_id: RoomId,
        text: str,
        heads: dict[Region, Head],
        recent: list[Entry],
        limit: int,
        room_for: int,
    ) -> Caught:
        if not text:
            return self._snapshot(room_id, text, heads, limit, room_for)
        position = positions.decode(text)
        missed: list[Entry] = []
        more = False
        reached = dict(position)
        for region, head in heads.items():
            start = position.get(region, Head(0, MessageId("")))
            if start.seq > head.seq or (
                start.seq == head.seq and start.seq and start.last_id != head.last_id
            ):
                return self._snapshot(room_id, text, heads, limit, room_for)
            entries = self._since(room_id, region, start, head, recent, limit)
            if entries is None:
                return self._snapshot(room_id, text, heads, limit, room_for)
            more = more or (entries[-1].seq if entries else start.seq) < head.seq
            missed += entries
        missed.sort(key=lambda entry: entry.message_id)
        shown: list[Entry] = []
        for entry in missed:
            found = self._shown(entry)
            if found is not None:
                room_for -= sizes.of_message(found)
                if room_for < 0:
                    more = True
                    break
                shown.append(found)
            reached[entry.region] = Head(entry.seq, entry.message_id)
        return Caught(shown, positions.encode(reached), True, more)

    def _since(
        self,
        room_id: RoomId,
        region: Region,
        start: Head,
        head: Head,
        recent: list[Entry],
        limit: int,
    ) -> list[Entry] | None:
        """Return the entries after `start` up to the first hole; None when there are none.

        A replica may have an entry, but not yet the one before it.
        """
        if start.seq == head.seq:
            return []
        cached = [e for e in recent if e.region == region and start.seq < e.seq <= head.seq]
        if [e.seq for e in cached] == list(range(start.seq + 1, head.seq + 1)):
            return cached[:limit]
        entries = self._log.after(room_id, region, start.last_id or MessageId(""), limit)
        following = [e for seq, e in enumerate(entries, start.seq + 1) if e.seq == seq]
        return following or None

    def _snapshot(
        self, room_id: RoomId, text: str, heads: dict[Region, Head], limit: int, room_for: int
    ) -> Caught:
        """Return the newest messages: all, as many as fit, or none for now."""
        entries, _ = self._reader.history(room_id, None, None, min(limit, 50))
        count = sizes.fitting(map(sizes.of_message, reversed(entries)), room_for)
        if count < len(entries) and (room_for < sizes.SYNC_BYTES // 2 or not count):
            return Caught([], text, bool(text), True)
        return Caught(entries[len(entries) - count :], positions.encode(heads), False, False)

    def _shown(self, entry: Entry) -> Entry | None:
        """Return what clients see of an entry: for a deletion, the deleted message to replace."""
        if entry.kind is EntryKind.MESSAGE:
            return entry
        return self._reader.find(entry.room_id, entry.target_id) if entry.target_id else None
