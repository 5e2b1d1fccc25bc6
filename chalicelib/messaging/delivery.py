"""Delivery: from a log entry to a post to every device. `fanout` plans it as data.

How entries keep their order:

- `delivery.fifo` serves one batch of a group at a time. Jobs may be queued in another order than
  their entries were written. So a worker delivers from the stream's cursor up to the job's entry,
  reads what is missing in between from the log, and skips what the cursor has passed. A job says
  *that* there is something to deliver, the log says *what*.
- A worker delivers in short runs, so that a long backlog is done over several attempts.
- A large room is split into parts. A connection is always in the same part (group room#k).
- A connection that does not take a post gets its own group (c#origin), so that others do not wait
  for it. The last entry queued in that group is noted with the stream's cursor. Until the job of
  that entry is done, later entries go to the same group. If the connection still takes no posts,
  it is closed; its client reconnects with its position.
- An entry that cannot be delivered is set aside after a few attempts, and the room goes on
  (`backlog`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from .. import wire
from ..contract import events
from ..jobs.delivery import (
    DeliverDirect,
    DeliverEntry,
    DeliverPart,
    DeliverToRecovering,
    SetAside,
)
from ..kernel import telemetry
from ..kernel.errors import CacheDown, Unavailable
from ..membership.rooms import Rooms
from ..model.connections import Target
from ..model.delivery import Cursor
from ..model.identifiers import ConnectionId, Region, RoomId, UserId
from ..model.log import Entry
from ..model.rooms import LargeRoom, Role
from ..ports.delivery import Cursors
from ..ports.log import Recents
from ..ports.queues import Queue
from ..ports.system import Clock
from .backlog import Backlog, hopeless
from .confirmations import Confirmations
from .fanout import (
    RETRY_DELAYS_S,
    part_jobs,
    posts_for,
    without,
)
from .posting import TOO_MANY, Posting

RUN, RUN_MS = 20, 8_000  # entries delivered before the cursor moves; time limit of one job
STAY_SPLIT_MS = 3_600_000
MOST_BEHIND = 500  # connections noted with a stream: about 25 KB
PATIENT_ATTEMPTS = 3  # attempts in which a room waits while posts of many connections are refused
LAST_ATTEMPT = 6  # max_receive_count of delivery.fifo in terraform/resources.json
TOO_LARGE = "too large for a post"


class Delivery:
    def __init__(
        self,
        *,
        rooms: Rooms,
        recents: Recents,
        cursors: Cursors,
        posting: Posting,
        confirmations: Confirmations,
        backlog: Backlog,
        queue: Queue,
        outbound_dead: Queue,
        clock: Clock,
        split_over: int,
    ) -> None:
        self._rooms = rooms
        self._recents = recents
        self._cursors = cursors
        self._posting = posting
        self._confirmations = confirmations
        self._backlog = backlog
        self._queue = queue
        self._outbound_dead = outbound_dead
        self._clock = clock
        self._split_over = split_over

    def entries(self, jobs: Sequence[DeliverEntry], attempt: int) -> None:
        """Deliver log entries of a room, and earlier entries of their streams if still undelivered.

        Raises:
            Unavailable: Also when the posts are used up; what was delivered until then counts.
        """
        streams: dict[Region, dict[int, Entry]] = {}
        for job in jobs:
            streams.setdefault(job.entry.region, {})[job.entry.seq] = job.entry
        for known in streams.values():
            self._stream(known, attempt)

    def _stream(self, known: Mapping[int, Entry], attempt: int) -> None:
        """Deliver a stream from its cursor up to the newest of these entries, by seq."""
        newest = known[max(known)]
        until_ms = self._clock.now_ms() + RUN_MS
        while (done := self._run(known, until_ms, attempt)) < newest.seq:
            if self._clock.now_ms() >= until_ms:  # the function has a timeout
                self._queue.send([DeliverEntry(entry=newest, after=done)])
                return

    def _run(self, known: Mapping[int, Entry], until_ms: int, attempt: int) -> int:
        """Deliver the next few entries of a stream, move its cursor and return the cursor's seq.

        If that fails repeatedly and not because of an outage, the next entry is tried alone, and
        set aside if it is the one that fails.
        """
        newest = known[max(known)]
        cursor = self._cursors.get(newest.room_id, newest.region)
        if newest.seq <= cursor.seq:
            return cursor.seq
        try:
            return self._go_on(cursor, known, RUN, until_ms, attempt)
        except Exception as fault:
            if not hopeless(fault, attempt):
                raise
            telemetry.error("run_failed", fault, attempt=attempt)
        try:
            return self._go_on(cursor, known, 1, until_ms, attempt)
        except Exception as fault:
            if not hopeless(fault, attempt):
                raise
            return self._backlog.pass_over(cursor, known, fault, attempt)

    def _go_on(
        self, cursor: Cursor, known: Mapping[int, Entry], most: int, until_ms: int, attempt: int
    ) -> int:
        entries = self._backlog.after(cursor, known, most)
        done, split_at_ms = self._hand_out(entries, cursor, until_ms, attempt)
        self._backlog.advance(done, split_at_ms)
        return done[-1].seq

    def _hand_out(
        self, entries: list[Entry], cursor: Cursor, until_ms: int, attempt: int
    ) -> tuple[list[Entry], int]:
        """Post entries, or queue them in parts.

        Returns:
            The entries done, and when parts were last queued (ms).
        """
        room_id, region = entries[0].room_id, entries[0].region
        members = self._begin(room_id, entries)
        entries = self._confirmations.expected(entries, len(members))
        targets = self._posting.connected(members)
        split_at_ms, now_ms = cursor.split_at_ms, self._clock.now_ms()
        # A room that is no longer large may still have parts in the queue. So it stays split for an
        # hour after the last one.
        if len(targets) > self._split_over or now_ms - split_at_ms < STAY_SPLIT_MS:
            self._queue.send(list(part_jobs(entries, targets)))
            split_at_ms = self._clock.now_ms()
        else:
            entries = self._directly(entries, targets, cursor, until_ms, attempt)
        self._forget_gone(room_id, region, cursor, targets)
        return entries, split_at_ms

    def again(self, letter: SetAside, attempt: int) -> None:
        """Deliver entries that were set aside again, or set them aside once more."""
        cursor = self._cursors.get(letter.room_id, letter.region)
        until_ms = self._clock.now_ms() + RUN_MS
        for entry in self._backlog.entries_of(letter, attempt):
            try:
                self._hand_out([entry], cursor, until_ms, attempt)
            except Exception as fault:
                if not hopeless(fault, attempt):
                    raise
                self._backlog.set_aside_again(letter, entry, fault, attempt)

    def _directly(
        self,
        entries: Sequence[Entry],
        targets: Sequence[Target],
        cursor: Cursor,
        until_ms: int,
        attempt: int,
    ) -> list[Entry]:
        """Post entries one after the other and return those posted, at least one."""
        done: list[Entry] = []
        slow = set(cursor.behind)
        behind: list[tuple[Entry, Target]] = []
        for entry in entries:
            try:
                late = self._deliver(entry, without(targets, entry.origin_id), slow, attempt)
            except Exception:  # the next run starts with this entry and fails again
                if not done:
                    raise
                break
            slow |= {target.origin for target in late}
            behind += [(entry, target) for target in late]
            done.append(entry)
            if self._clock.now_ms() >= until_ms:
                break
        self._fall_behind(cursor, behind)
        return done

    def part(self, job: DeliverPart, attempt: int) -> None:
        """Deliver one share of a large room."""
        entry = job.entry
        cursor = self._cursors.get(entry.room_id, entry.region)
        late = self._deliver(entry, job.targets, cursor.behind, attempt)
        self._fall_behind(cursor, [(entry, target) for target in late])

    def direct(self, job: DeliverDirect, attempt: int) -> int | None:
        """Post to one slow connection again.

        After the third retry the connection is closed: it missed an entry, and gets it by
        reconnecting with its position. The job goes to the dead letters of outbound.

        Returns:
            The seconds to wait before the next attempt; None when done.
        """
        entry, target = job.entry, job.target
        receipt = self._posting.post(posts_for(events.of_entry(entry), [target]))
        if (receipt.busy or receipt.unsent) and attempt < LAST_ATTEMPT:
            raise Unavailable(TOO_MANY)
        if receipt.retry and attempt <= len(RETRY_DELAYS_S):
            return RETRY_DELAYS_S[attempt - 1]
        if receipt.refused:
            self._backlog.set_aside(entry, TOO_LARGE, attempt)
        if receipt.left:
            self._outbound_dead.send([job])
            self._posting.close(target)
        else:
            self._confirmations.ask(entry, [target])
        self._cursors.catch_up(entry.room_id, entry.region, target.origin, entry.seq)
        return None

    def _deliver(
        self,
        entry: Entry,
        targets: Sequence[Target],
        slow: Collection[ConnectionId],
        attempt: int,
    ) -> list[Target]:
        """Post an entry; return the slow and the failed targets, which get it in their own groups.

        Sockets that can recover always get entries in their own groups.

        Raises:
            Unavailable: The posts are used up; or many were refused, in the first three attempts.
                Later, refused posts count as slow clients: many of those look just the same.
        """
        event = events.of_entry(entry)
        recovering = [target for target in targets if wire.recovers(target.protocol)]
        takers = [each for each in recovering if wire.takes(each.protocol, event.name)]
        if takers:
            self._queue.send([DeliverToRecovering(entry=entry, target=each) for each in takers])
        targets = [target for target in targets if not wire.recovers(target.protocol)]
        ready = [target for target in targets if target.origin not in slow]
        receipt = self._posting.post(posts_for(event, ready))
        if receipt.unsent or (receipt.busy and attempt <= PATIENT_ATTEMPTS):
            raise Unavailable(TOO_MANY)
        if receipt.refused:
            self._backlog.set_aside(entry, TOO_LARGE, attempt)
        self._confirmations.ask(entry, [target for target in ready if target not in receipt.left])
        return [target for target in targets if target.origin in slow] + list(receipt.left)

    def _fall_behind(self, cursor: Cursor, behind: Sequence[tuple[Entry, Target]]) -> None:
        """Note connections as behind, then queue their entries in groups of their own.

        The note is written first, because the job of the noted entry removes it. When too many
        connections are noted already, the rest is closed; their clients reconnect and sync.
        """
        if not behind:
            return
        room_id, region = behind[0][0].room_id, behind[0][0].region
        last = {target.origin: entry.seq for entry, target in behind}
        new = [origin for origin in last if origin not in cursor.behind]
        beyond = set(new[max(0, MOST_BEHIND - len(cursor.behind)) :])
        noted = {origin: seq for origin, seq in last.items() if origin not in beyond}
        if noted:
            self._cursors.fall_behind(room_id, region, noted)
            late = [(entry, target) for entry, target in behind if target.origin in noted]
            self._queue.send([DeliverDirect(entry=entry, target=each) for entry, each in late])
        for target in {t.origin: t for _, t in behind if t.origin in beyond}.values():
            self._posting.close(target)

    def _forget_gone(
        self, room_id: RoomId, region: Region, cursor: Cursor, targets: Iterable[Target]
    ) -> None:
        """Remove notes of connections that are gone, once there are many notes.

        Such notes stay when a connection's last job became a dead letter.
        """
        if len(cursor.behind) > MOST_BEHIND // 2:
            connected = {target.origin for target in targets}
            for origin, seq in cursor.behind.items():
                if origin not in connected:
                    self._cursors.catch_up(room_id, region, origin, seq)

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
