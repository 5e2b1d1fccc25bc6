"""Delivery: from a log entry to a post to every device.

- `delivery.fifo` serves one batch of a group at a time. Jobs may be queued in another order than
  their entries were written. So a worker delivers from the stream's cursor up to the job's entry,
  reads what is missing in between from the log, and skips what the cursor has passed. A job says
  *that* there is something to deliver, the log says *what*.
- It does so in `runs`, and posts by `serving`.
- A large room is delivered in `parts`.
- A connection that does not take a post gets its own group (`slow`).
- An entry that cannot be delivered is set aside after a few attempts, and the room goes on
  (`backlog`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .. import wire
from ..jobs.delivery import DeliverEntry, DeliverToTargets, SetAside
from ..jobs.foreign import DeliverForeign
from ..kernel import telemetry
from ..kernel.errors import CacheDown
from ..membership.rooms import Rooms
from ..model.identifiers import Region, RoomId, UserId
from ..model.log import Entry
from ..model.rooms import LargeRoom, Role
from ..ports.delivery import Cursors
from ..ports.log import Recents
from .backlog import Backlog, hopeless
from .confirmations import Confirmations
from .parts import Parts
from .posting import Posting
from .runs import Run, Runs, Track
from .serving import Serving
from .slow import SlowConnections


class Delivery:
    def __init__(
        self,
        *,
        rooms: Rooms,
        recents: Recents,
        cursors: Cursors,
        confirmations: Confirmations,
        backlog: Backlog,
        runs: Runs,
        serving: Serving,
        parts: Parts,
        slow: SlowConnections,
        posting: Posting,
    ) -> None:
        self._rooms = rooms
        self._recents = recents
        self._cursors = cursors
        self._confirmations = confirmations
        self._backlog = backlog
        self._runs = runs
        self._serving = serving
        self._parts = parts
        self._slow = slow
        self._posting = posting

    def entries(self, jobs: Sequence[DeliverEntry], attempt: int) -> None:
        """Deliver log entries of a room, and earlier entries of their streams if still undelivered.

        Raises:
            Unavailable: Also when the posts are used up; what was delivered until then counts.
        """
        streams: dict[Region, dict[int, Entry]] = {}
        for job in jobs:
            streams.setdefault(job.entry.region, {})[job.entry.seq] = job.entry
        for known in streams.values():
            newest = known[max(known)]
            self._runs.deliver(self._track(newest, DeliverEntry), known, attempt)

    def foreign(self, whole: Mapping[int, Entry], attempt: int) -> None:
        """Deliver entries of another region's stream, by seq, which follow its cursor.

        Raises:
            Unavailable: As `entries`.
        """
        newest = whole[max(whole)]
        self._runs.deliver(self._track(newest, DeliverForeign), whole, attempt)

    def late(self, entry: Entry, attempt: int) -> None:
        """Deliver an entry that its stream has passed over.

        Sockets that can recover have gone on without it, too: they get it without an offset.
        """
        cursor = self._cursors.get(entry.room_id, entry.region)
        targets = self._posting.connected(self._begin(entry.room_id, [entry]))
        plain = [replace(each, protocol=wire.plain(each.protocol)) for each in targets]
        self._serving.serve([entry], plain, self._runs.begin(cursor, attempt), None)

    def again(self, letter: SetAside, attempt: int) -> None:
        """Deliver entries that were set aside again, or set them aside once more."""
        cursor = self._cursors.get(letter.room_id, letter.region)
        run = self._runs.begin(cursor, attempt)
        for entry in self._backlog.entries_of(letter, attempt):
            try:
                targets = self._posting.connected(self._begin(entry.room_id, [entry]))
                self._serving.serve([entry], targets, run, None)
            except Exception as fault:
                if not hopeless(fault, attempt):
                    raise
                self._backlog.set_aside_again(letter, entry, fault, attempt)

    def to_targets(self, job: DeliverToTargets, attempt: int) -> None:
        """Deliver an entry to the connections that an earlier version named in a job."""
        entry = job.entry
        cursor = self._cursors.get(entry.room_id, entry.region)
        self._serving.serve([entry], job.targets, self._runs.begin(cursor, attempt), None)

    def _track(self, newest: Entry, job: type[DeliverEntry | DeliverForeign]) -> Track:
        stream = (newest.room_id, newest.region) if job is DeliverEntry else None
        return Track(
            stream,
            None,
            lambda: self._cursors.get(newest.room_id, newest.region),
            self._hand_out,
            lambda done: job(entry=newest, after=done),
        )

    def _hand_out(self, entries: list[Entry], run: Run) -> tuple[list[Entry], int]:
        """Post entries, or ask the parts of the room to."""
        room_id, region, cursor = entries[0].room_id, entries[0].region, run.cursor
        members = self._begin(room_id, entries)
        entries = self._confirmations.expected(entries, len(members))
        targets = self._parts.directly(room_id, region, cursor, members)
        if targets is None:
            return entries, self._parts.ask(entries, cursor)
        done = self._serving.serve(entries, targets, run, None)
        self._slow.forget_gone(room_id, region, cursor, targets, None)
        return done, 0

    def _begin(
        self, room_id: RoomId, entries: Sequence[Entry]
    ) -> Mapping[UserId, Role] | LargeRoom:
        """Cache the entries and return the room's members."""
        try:
            known = self._recents.deliver(room_id, self._backlog.shown(entries))
        except CacheDown:
            telemetry.log("WARNING", "recent_not_cached")
            return self._rooms.members(room_id)
        if known.members is None:
            return self._rooms.fill(room_id, known.version)
        return known.members
