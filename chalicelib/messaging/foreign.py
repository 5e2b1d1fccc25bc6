"""Other regions' streams: delivered here as far as this region's replica has them without a hole.

Entries arrive one by one and in any order. A job comes for what has arrived, and delivers from the
stream's cursor on. Where an entry is missing the stream waits: that entry's own job goes on, also
with what has been waiting. An entry may never come, if its region was lost before it was
replicated. So after `HOLE_S` delivery goes on without it, which is counted and alarmed, and the
cursor remembers what was missing. If that arrives after all, it is delivered alone and late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..jobs.foreign import DeliverForeign, KeepSpare, NoteCopies, PassHole
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Unavailable
from ..model.delivery import Cursor
from ..model.identifiers import Stream
from ..model.log import Entry
from ..ports.delivery import Cursors
from ..ports.log import MessageLog
from ..ports.queues import Queue
from ..ports.receipts import Claims
from ..ports.system import Clock
from .backlog import RECENT_MS
from .delivery import Delivery
from .durability import SecondRegion
from .reading import MessageReader
from .writing import MessageWriter

HOLE_S = 30  # replication takes a second as a rule
HEAD_AGAIN_S = 1  # heads arrive with their entries as a rule: they are written together
_ONCE = 100  # entries that a job reads


class ForeignStreams:
    def __init__(
        self,
        *,
        delivery: Delivery,
        cursors: Cursors,
        log: MessageLog,
        reader: MessageReader,
        writer: MessageWriter,
        second: SecondRegion,
        claims: Claims,
        queue: Queue,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._delivery = delivery
        self._cursors = cursors
        self._log = log
        self._reader = reader
        self._writer = writer
        self._second = second
        self._claims = claims
        self._queue = queue
        self._outbound = outbound
        self._clock = clock

    def entries(self, jobs: Sequence[DeliverForeign], attempt: int) -> int | None:
        """Deliver what has arrived of a stream, and earlier entries if still undelivered.

        Returns:
            When to try again, in seconds, as a head is not here yet; None when all is done.

        Raises:
            Unavailable: Also when the posts are used up; what was delivered until then counts.
        """
        streams: dict[Stream, list[DeliverForeign]] = {}
        for job in jobs:
            streams.setdefault((job.entry.room_id, job.entry.region), []).append(job)
            if job.passes is not None:
                self._pass(job.entry, job.passes)
        is_done = True
        for some in streams.values():
            cursor = self._deliver_late(some, attempt)
            known = {job.entry.seq: job.entry for job in some}
            is_done = self._deliver(cursor, known, attempt) and is_done
        return None if is_done else HEAD_AGAIN_S

    def pass_hole(self, job: PassHole) -> None:
        """Let the stream's own group pass over an entry that is still missing."""
        cursor = self._cursors.get(job.entry.room_id, job.entry.region)
        if cursor.seq < job.seq:
            self._queue.send([DeliverForeign(entry=job.entry, passes=job.seq)])

    def note_copies(self, job: NoteCopies) -> None:
        """Take note of messages of which the dedupe items have arrived."""
        for message_id in job.message_ids:
            entry = self._log.get(job.room_id, job.region, message_id)
            if entry is not None:  # otherwise it is looked at when it is delivered
                self._writer.arrived(entry)

    def keep(self, job: KeepSpare) -> None:
        """Keep an entry that its region has sent a spare of, unless replication has brought it.

        What is kept is in this region's stream of the table as if it had been replicated, and is
        delivered from there. When the entry itself arrives, it changes nothing.
        """
        entry, own = job.entry, self._reader.regions[0]
        if entry.region == own:
            return  # only its own region writes its stream
        if self._log.get(entry.room_id, entry.region, entry.message_id) is None:
            dedupe, now_ms = _dedupe_of(entry), self._clock.now_ms()
            if self._log.keep(entry, dedupe, ids.deletion_dedupe(entry.message_id), own, now_ms):
                telemetry.log(
                    "INFO", "spare_kept", room_id=entry.room_id, region=entry.region, seq=entry.seq
                )
        self._second.pass_on(job)  # last: a job that is repeated must not send it again and again

    def _deliver(self, cursor: Cursor, known: Mapping[int, Entry], attempt: int) -> bool:
        """Deliver what follows the cursor; False if entries wait for their head."""
        newest = known[max(known)]
        cursor = self._begun(cursor, known[min(known)])
        until = max(newest.seq, cursor.waiting)
        if until <= cursor.seq:
            return True
        whole = self._whole(cursor, known, newest, until)
        reached = max(whole, default=cursor.seq)
        if reached < until and len(whole) < _ONCE:
            self._wait(cursor, newest, (reached + 1, until), attempt)
        for entry in whole.values():
            self._writer.arrived(entry)
        found = self._found(whole, newest, attempt)
        if found:
            self._delivery.foreign(found, attempt)
        if len(found) < len(whole):
            return False
        if len(whole) == _ONCE and reached < until:
            self._queue.send([DeliverForeign(entry=newest, after=reached)])
        return True

    def _found(self, whole: dict[int, Entry], newest: Entry, attempt: int) -> dict[int, Entry]:
        """Return the entries that all readers find, as their head is here, too.

        An entry can be replicated before its head. If it was pushed then, a device that connects
        would not get it from `sync`, and an answer to it could get a lower id. A head may be lost
        with its region, so that this is not waited for much longer than for an entry.
        """
        if not whole or attempt > HOLE_S // HEAD_AGAIN_S:
            return whole
        head = self._reader.heads([newest.room_id])[newest.room_id][newest.region]
        return {seq: entry for seq, entry in whole.items() if seq <= head.seq}

    def _begun(self, cursor: Cursor, oldest: Entry) -> Cursor:
        """Return the stream's cursor; without one, store where the stream begins.

        A stream without a cursor is new in this region, or its cursor was lost with the table. It
        begins with what was written in the minutes before the entry: everything older was
        delivered, or written before this region had the room. A hole there counts as one. What
        arrives while this looks is not older, so it is not taken for delivered.
        """
        room_id, region = oldest.room_id, oldest.region
        if cursor.seq or oldest.seq == 1:
            return cursor
        since_ms = max(0, oldest.timestamp_ms - RECENT_MS)
        before = self._log.before(room_id, region, ids.first_at(since_ms), 1)
        if not before:
            return cursor
        self._cursors.advance(before[0], 0)
        return self._cursors.get(room_id, region)

    def _whole(
        self, cursor: Cursor, known: Mapping[int, Entry], newest: Entry, until: int
    ) -> dict[int, Entry]:
        """Return what follows the cursor without a hole, by seq."""
        seqs = range(cursor.seq + 1, until + 1)
        found = dict(known)
        if any(seq not in known for seq in seqs):
            after, most = cursor.message_id, min(len(seqs), _ONCE)
            for entry in self._log.after(newest.room_id, newest.region, after, most):
                found[entry.seq] = entry
        whole: dict[int, Entry] = {}
        for seq in seqs[:_ONCE]:
            if seq not in found:
                break
            whole[seq] = found[seq]
        return whole

    def _wait(self, cursor: Cursor, newest: Entry, span: tuple[int, int], attempt: int) -> None:
        """Note that entries wait for a missing one, and look again when they have waited enough.

        Args:
            span: The seq of the missing entry, and that of the last one which is waited for.
            attempt: The second one comes after one that may have died after its claim. Later ones
                look for a head, or find a store away.
        """
        room_id, region = newest.room_id, newest.region
        missing, until = span
        if cursor.waiting < until:
            self._cursors.wait(room_id, region, until)
        try:
            first = self._claims.claim(f"hole:{room_id}:{region}:{missing}", HOLE_S)
            if not first and attempt != 2:
                return
        except CacheDown:
            pass  # one job more does no harm
        telemetry.log("INFO", "entry_missing", room_id=room_id, region=region, seq=missing)
        job = PassHole(entry=newest, seq=missing, delay_s=self._patience_s(newest))
        self._outbound.send([job])

    def _patience_s(self, waiting: Entry) -> int:
        """Return how long an entry waits for a missing one.

        One that was kept from a spare has waited since it was written. Otherwise each hole that
        a lost region has left would delay what follows once more.
        """
        if not waiting.kept:
            return HOLE_S
        age_s = (self._clock.now_ms() - waiting.timestamp_ms) // 1000
        return min(max(HOLE_S - age_s, 1), HOLE_S)

    def _pass(self, entry: Entry, missing: int) -> None:
        """Move the cursor over entries that are missing, if they still are."""
        room_id, region = entry.room_id, entry.region
        cursor = self._cursors.get(room_id, region)
        if cursor.seq != missing - 1:
            return
        following = self._log.after(room_id, region, cursor.message_id, 1)
        next_here = following[0] if following else entry
        last = next_here.seq - 1
        if last < missing:
            return  # it has come
        if next_here.kept:  # readers do not wait, either: replication has stopped
            # First: when the cursor has moved, a repeated job finds nothing to pass.
            self._log.pass_over((room_id, region), last, self._reader.regions[0])
        if not self._cursors.pass_over(room_id, region, cursor, last):
            raise Unavailable("another worker delivers this stream, try again")
        telemetry.log(
            "ERROR",
            "entries_passed_over",
            room_id=room_id,
            region=region,
            first_seq=missing,
            last_seq=last,
        )
        telemetry.measure(
            "passed_over", self._clock.now_ms(), entries_passed_over=last - missing + 1
        )

    def _deliver_late(self, jobs: Sequence[DeliverForeign], attempt: int) -> Cursor:
        """Deliver entries that the stream has passed over and that have arrived since.

        Returns:
            The stream's cursor.
        """
        room_id, region = jobs[0].entry.room_id, jobs[0].entry.region
        cursor = self._cursors.get(room_id, region)
        for first, last in cursor.passed:
            if not any(
                (job.first or job.entry.seq) <= last and first <= job.entry.seq for job in jobs
            ):
                continue
            for entry in self._reader.entries_between(room_id, region, first - 1, last):
                self._writer.arrived(entry)
                self._delivery.late(entry, attempt)
                if not self._cursors.late(room_id, region, cursor, entry.seq):
                    raise Unavailable("another worker delivers this stream, try again")
                cursor = self._cursors.get(room_id, region)
        return cursor


def _dedupe_of(entry: Entry) -> str | None:
    """Return the dedupe key under which the entry's region has written it."""
    if entry.target_id is not None:
        return ids.deletion_dedupe(entry.target_id)
    if entry.client_message_id is None:
        return None
    return ids.message_dedupe(entry.sender_id, entry.client_message_id, entry.region)
