"""The entries of a stream that are delivered next, and those that are set aside.

An entry whose delivery fails repeatedly must not stop its room. It is set aside: a dead letter of
the delivery queue names the entry and the reason, never the content, and the cursor moves past the
entry. The letter is sent before the cursor moves. If the process dies in between, a second letter
is sent: an entry can have two letters, but never none. The entry stays in the log. Sending the
letter back to the queue delivers the entry from the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..jobs.delivery import SetAside
from ..kernel import ids, telemetry
from ..kernel.errors import Unavailable
from ..model.delivery import Cursor
from ..model.log import Entry, EntryKind
from ..ports.delivery import Cursors
from ..ports.queues import Queue
from ..ports.system import Clock
from .holding import MOVED
from .reading import MessageReader

TOO_LARGE = "too large for a post"  # a reason of `set_aside`
RECENT_MS = 900_000  # before the oldest entry of a job; jobs overtake each other by seconds
SET_ASIDE_AFTER = 3  # attempts; of the 6 receives that a job has


def hopeless(fault: Exception, attempt: int) -> bool:
    """Whether to stop trying: several attempts failed, and not because of an outage."""
    return attempt >= SET_ASIDE_AFTER and not isinstance(fault, Unavailable | MemoryError)


class Backlog:
    def __init__(self, reader: MessageReader, cursors: Cursors, dead: Queue, clock: Clock) -> None:
        self._reader = reader
        self._cursors = cursors
        self._dead = dead
        self._clock = clock

    def cursor(self, entry: Entry) -> Cursor:
        """Read the cursor of the entry's stream."""
        return self._cursors.get(entry.room_id, entry.region)

    def after(
        self, cursor: Cursor, known: Mapping[int, Entry], most: int, *, ahead: bool = False
    ) -> list[Entry]:
        """Return up to `most` entries after the cursor; from the log if `known` lacks one.

        Args:
            known: Entries of the stream that came with jobs, by seq.
            ahead: Return later ones, too, which no job has brought yet.
        """
        cursor = self._started(cursor, known)
        newest = known[max(known)]
        last = min(cursor.seq + most, newest.seq)
        seqs = range(cursor.seq + 1, last + 1)
        if ahead and cursor.message_id:
            found = self._reader.entries_after(
                newest.room_id, newest.region, cursor.message_id, most
            )
            if found and found[0].seq == cursor.seq + 1:
                return found
        if all(seq in known for seq in seqs):
            return [known[seq] for seq in seqs]
        room_id, region = newest.room_id, newest.region
        if cursor.seq and not cursor.message_id:  # written by a version whose cursors had no id
            return self._reader.entries_between(room_id, region, cursor.seq, last)
        found = self._reader.entries_after(room_id, region, cursor.message_id, len(seqs))
        return [entry for entry in found if entry.seq <= last]  # more, if some were passed over

    def shown(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return the entries, followed by the messages that they delete, marked as deleted."""
        shown = list(entries)
        for entry in entries:
            if entry.kind is EntryKind.DELETION and entry.target_id is not None:
                deleted = self._reader.find(entry.room_id, entry.target_id)
                shown += [deleted] if deleted is not None else []
        return shown

    def advance(
        self, done: Sequence[Entry], split_at_ms: int, fence: int, part: int | None = None
    ) -> None:
        """Move the cursor to the last of these delivered entries.

        Raises:
            Unavailable: Another process has moved it, or goes on with the stream.
        """
        if not self._cursors.advance(done[-1], split_at_ms, part, fence):
            raise Unavailable(MOVED)
        now_ms = self._clock.now_ms()
        telemetry.measure(
            "delivered",
            now_ms,
            entries_delivered=len(done),
            delivery_latency_ms=max(0, now_ms - done[0].timestamp_ms),
        )

    def pass_over(
        self,
        cursor: Cursor,
        known: Mapping[int, Entry],
        fault: Exception,
        attempts: int,
        part: int | None = None,
    ) -> int:
        """Set aside the entry after the cursor, move the cursor past it, and return its seq.

        If the log cannot be read, everything up to the next known entry is set aside.
        """
        entry = self._next(cursor, known)
        self.set_aside(entry, fault, attempts, first_seq=cursor.seq + 1)
        if not self._cursors.advance(entry, cursor.split_at_ms, part, cursor.fence):
            raise Unavailable(MOVED)
        return entry.seq

    def set_aside(
        self, entry: Entry, why: Exception | str, attempts: int, *, first_seq: int | None = None
    ) -> None:
        """Send a dead letter for the entry. The caller must not deliver the entry afterwards."""
        self._record(
            SetAside(
                room_id=entry.room_id,
                region=entry.region,
                first_seq=first_seq or entry.seq,
                seq=entry.seq,
                message_id=entry.message_id,
                reason=why if isinstance(why, str) else telemetry.reason(why),
                attempts=attempts,
                at_ms=self._clock.now_ms(),
            )
        )

    def entries_of(self, letter: SetAside, attempt: int) -> list[Entry]:
        """Return the entries of a letter that was sent back.

        If the log cannot be read, another letter is sent and there are none.
        """
        room_id, region = letter.room_id, letter.region
        try:
            return self._reader.entries_between(room_id, region, letter.first_seq - 1, letter.seq)
        except Exception as fault:
            if not hopeless(fault, attempt):
                raise
            self._again(letter, fault, attempt)
            return []

    def set_aside_again(
        self, letter: SetAside, entry: Entry, fault: Exception, attempt: int
    ) -> None:
        """Send another letter: an entry of a letter that was sent back failed again."""
        alone = replace(letter, first_seq=entry.seq, seq=entry.seq, message_id=entry.message_id)
        self._again(alone, fault, attempt)

    def _again(self, letter: SetAside, fault: Exception, attempt: int) -> None:
        now_ms, retries = self._clock.now_ms(), letter.retries + 1
        reason = telemetry.reason(fault)
        self._record(
            replace(letter, reason=reason, attempts=attempt, at_ms=now_ms, retries=retries)
        )

    def _started(self, cursor: Cursor, known: Mapping[int, Entry]) -> Cursor:
        """Return the cursor, or where to begin if the stream has none.

        A stream without a cursor is new, or its cursor was lost with the table. It begins at the
        oldest entry that a job names, and at what was written in the minutes before it: jobs can
        be queued in another order than their entries. Everything older was delivered, unless its
        job could not be queued: then its writer noted that the stream is new.
        """
        oldest = known[min(known)]
        if cursor.seq or cursor.is_new or oldest.seq == 1:
            return cursor
        since_ms = max(0, oldest.timestamp_ms - RECENT_MS)
        first = self._reader.entries_since(oldest.room_id, oldest.region, since_ms, 1)
        seq = first[0].seq if first else oldest.seq
        return (
            replace(cursor, seq=seq - 1, message_id=ids.first_at(since_ms)) if seq > 1 else cursor
        )

    def _next(self, cursor: Cursor, known: Mapping[int, Entry]) -> Entry:
        try:
            following = self.after(cursor, known, 1)
        except Unavailable:
            raise
        except Exception as fault:  # noqa: BLE001 - raising it would stop the room
            telemetry.error("log_unreadable", fault)
            following = []
        return following[0] if following else known[min(seq for seq in known if seq > cursor.seq)]

    def _record(self, letter: SetAside) -> None:
        self._dead.send([letter])
        telemetry.log(
            "ERROR",
            "entry_set_aside",
            room_id=letter.room_id,
            region=letter.region,
            seq=letter.seq,
            reason=letter.reason,
            attempts=letter.attempts,
        )
        telemetry.measure("set_aside", self._clock.now_ms(), entries_set_aside=1)
