"""Large rooms: a stream is delivered in parts, each with a cursor of its own.

A user is always in the same part, by a hash of the user id. A job names a part and an entry. Its
worker looks up who is in the part and connected now, and delivers from the part's cursor. So a
job that fails, comes twice or late changes nothing, whatever happened to the membership, and the
part's next job delivers what an earlier one did not.

While a stream is split, its own cursor says up to where the parts were asked to deliver, and
`Cursor.split` after which entry that began. A part whose own cursor is older starts there. The
stream leaves its parts when the room is no longer large and all parts have got as far as the
stream. Before, a post to a device could overtake what waits in its part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..jobs.delivery import DeliverPart
from ..kernel.errors import Unavailable
from ..model.connections import Target
from ..model.delivery import Cursor
from ..model.identifiers import Region, RoomId, UserId
from ..model.log import Entry
from ..model.rooms import LargeRoom
from ..ports.delivery import Cursors
from ..ports.queues import Queue
from ..ports.system import Clock
from .confirmations import Confirmations
from .fanout import PARTS, part_jobs
from .posting import Posting
from .runs import Run, Runs, Track
from .serving import Serving
from .shares import Shares
from .slow import SlowConnections

# A room that was large is taken for large this long, without asking who is connected.
LARGE_MS = 60_000
# Before version 2026.12, parts had no cursors: a room stayed split for this long after the last.
_OLD_STAY_MS = 3_600_000
_MOVED = "another worker delivers this room, try again"


class Parts:
    def __init__(
        self,
        *,
        shares: Shares,
        cursors: Cursors,
        posting: Posting,
        serving: Serving,
        slow: SlowConnections,
        confirmations: Confirmations,
        runs: Runs,
        queue: Queue,
        clock: Clock,
        split_over: int,
    ) -> None:
        self._shares = shares
        self._cursors = cursors
        self._posting = posting
        self._serving = serving
        self._slow = slow
        self._confirmations = confirmations
        self._runs = runs
        self._queue = queue
        self._clock = clock
        self._split_over = split_over

    def directly(
        self,
        room_id: RoomId,
        region: Region,
        cursor: Cursor,
        members: Iterable[UserId] | LargeRoom,
    ) -> list[Target] | None:
        """Return the connections to post to; None if the stream must be delivered in parts."""
        now_ms = self._clock.now_ms()
        if cursor.split is not None and now_ms - cursor.split_at_ms < LARGE_MS:
            return None
        targets = self._posting.connected(members)
        if len(targets) > self._split_over:
            return None
        if cursor.split is None:
            return None if now_ms - cursor.split_at_ms < _OLD_STAY_MS else targets
        if not self._all_done(room_id, region, targets):
            return None
        if not self._cursors.join(room_id, region, cursor.seq):
            raise Unavailable(_MOVED)
        return targets

    def ask(self, entries: Sequence[Entry], cursor: Cursor) -> int:
        """Queue the jobs of all parts up to the last of these entries.

        The split is noted before: a worker that dies in between has changed nothing else, and
        the next one must not post directly.

        Returns:
            The `split_at_ms` to store with the stream's cursor.
        """
        now_ms, newest = self._clock.now_ms(), entries[-1]
        if cursor.split is None and entries[0].seq == 1:
            self._cursors.note_new(newest.room_id, newest.region)  # so the parts begin there, too
        if cursor.split is None and not self._cursors.split(
            newest.room_id, newest.region, cursor, now_ms
        ):
            raise Unavailable(_MOVED)
        self._queue.send(part_jobs(newest))
        checked = cursor.split is not None and now_ms - cursor.split_at_ms < LARGE_MS
        return cursor.split_at_ms if checked else now_ms

    def deliver(self, job: DeliverPart, attempt: int) -> None:
        """Deliver a stream to one part of its users, from the part's cursor up to the job's entry.

        Raises:
            Unavailable: Also when the posts are used up; what was delivered until then counts.
        """
        entry, part = job.entry, job.part

        def cursor() -> Cursor:
            stream, (own,) = self._cursors.parts(entry.room_id, entry.region, [part])
            return _start(stream, own, entry)

        def hand_out(entries: list[Entry], run: Run) -> tuple[list[Entry], int]:
            return self._hand_out(entries, run, part), 0

        def rest(done: int) -> DeliverPart:
            return replace(job, after=done)

        track = Track(None, part, cursor, hand_out, rest)
        self._runs.deliver(track, {entry.seq: entry}, attempt)

    def _hand_out(self, entries: list[Entry], run: Run, part: int) -> list[Entry]:
        room_id, region = entries[0].room_id, entries[0].region
        share = self._shares.of(room_id, part)
        entries = self._confirmations.expected(entries, share.members)
        targets = self._posting.connected(share.users)
        done = self._serving.serve(entries, targets, run, part)
        self._slow.forget_gone(room_id, region, run.cursor, targets, part)
        return done

    def _all_done(self, room_id: RoomId, region: Region, targets: Sequence[Target]) -> bool:
        """Whether nothing of the stream waits in a part for any of these connections."""
        stream, parts = self._cursors.parts(room_id, region, range(PARTS))
        behind = {origin for each in parts for origin in each.behind}
        return all(_reached(stream, each) for each in parts) and not any(
            target.origin in behind for target in targets
        )


def _reached(stream: Cursor, part: Cursor) -> bool:
    begun = stream.split.seq if stream.split is not None else 0
    return max(part.seq, begun) >= stream.seq


def _start(stream: Cursor, part: Cursor, entry: Entry) -> Cursor:
    """Return where a part begins: at its own cursor, or where the stream was split.

    Those behind with the stream count as well: their jobs were queued before it was split.
    """
    if stream.split is None:  # all parts were done when the stream left them
        return replace(part, seq=max(part.seq, entry.seq))
    start = part
    if stream.split.seq > part.seq:
        start = replace(
            part, seq=stream.split.seq, message_id=stream.split.last_id or part.message_id
        )
    return replace(start, behind={**stream.behind, **part.behind}, is_new=stream.is_new)
