"""Deliver a stream, or one part of it, from its cursor up to an entry: run by run.

A worker delivers in short runs, so that a long backlog is done over several attempts. An entry
that cannot be delivered is set aside after a few attempts, and the rest goes on (`backlog`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..jobs import Job
from ..kernel import telemetry
from ..model.delivery import Cursor
from ..model.identifiers import Stream
from ..model.log import Entry
from ..ports.queues import Queue
from ..ports.system import Clock
from .backlog import Backlog, hopeless
from .holding import Held, Holding

RUN, RUN_MS = 20, 8_000  # entries delivered before the cursor moves; time limit of one job
# So many jobs at once show that messages come faster than they are posted. The log has more of them
# than the jobs name. A run then takes more, in longer windows: fewer trips, fewer frames.
CROWDED, CROWDED_RUN = 8, 40


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt to deliver the next entries.

    Attributes:
        cursor: Where it starts.
        until_ms: After this time no further entry is begun.
        attempt: How often the job was received.
        held: The lease of the stream, if it has one.
        is_crowded: Whether messages come faster than they are posted.
    """

    cursor: Cursor
    until_ms: int
    attempt: int
    held: Held | None = None
    is_crowded: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """What is delivered in runs: a stream, or a part of it.

    Attributes:
        stream: If senders deliver it, too; None if only this worker does.
        part: The number of the part; None for the stream.
        cursor: Reads the cursor.
        hand_out: Delivers entries; returns those done, at least one, and the `split_at_ms` to
            store with the cursor.
        rest: Makes the job that continues after a seq.
    """

    stream: Stream | None
    part: int | None
    cursor: Callable[[], Cursor]
    hand_out: Callable[[list[Entry], Run], tuple[list[Entry], int]]
    rest: Callable[[int], Job]


class Runs:
    def __init__(self, backlog: Backlog, holding: Holding, queue: Queue, clock: Clock) -> None:
        self._backlog = backlog
        self._holding = holding
        self._queue = queue
        self._clock = clock

    def begin(self, cursor: Cursor, attempt: int) -> Run:
        """Return a run that starts now."""
        return Run(cursor, self._clock.now_ms() + RUN_MS, attempt)

    def deliver(self, track: Track, known: Mapping[int, Entry], attempt: int) -> None:
        """Deliver up to the newest of these entries (by seq), or queue a job for the rest."""
        newest, token = max(known), self._holding.token()
        until_ms = self._clock.now_ms() + RUN_MS
        while (done := self._next(track, known, until_ms, attempt, token)) < newest:
            if self._clock.now_ms() >= until_ms:  # the function has a timeout
                self._queue.send([track.rest(done)])
                return

    def _next(
        self, track: Track, known: Mapping[int, Entry], until_ms: int, attempt: int, token: str
    ) -> int:
        """Deliver the next few entries under the lease, and return the cursor's seq."""
        cursor, held = self._holding.wait(track.stream, track.cursor, max(known), token)
        if max(known) <= cursor.seq:
            self._holding.give_up(held, cursor.seq)
            return cursor.seq
        try:
            # After a failure, small steps make sure that something gets done.
            crowded = track.stream is not None and len(known) >= CROWDED and attempt == 1
            run = Run(cursor, until_ms, attempt, held, crowded)
            done = self._under_lease(track, run, known)
        except Exception:
            self._holding.give_up(held, None)
            raise
        self._holding.give_up(held, done)
        return done

    def _under_lease(self, track: Track, run: Run, known: Mapping[int, Entry]) -> int:
        """Deliver the next few entries, move the cursor and return the cursor's seq.

        If that fails repeatedly and not because of an outage, the next entry is tried alone, and
        set aside if it is the one that fails.
        """
        try:
            return self._go_on(track, run, known, CROWDED_RUN if run.is_crowded else RUN)
        except Exception as fault:
            if not hopeless(fault, run.attempt):
                raise
            telemetry.error("run_failed", fault, attempt=run.attempt)
        try:
            return self._go_on(track, run, known, 1)
        except Exception as fault:
            if not hopeless(fault, run.attempt):
                raise
            return self._backlog.pass_over(run.cursor, known, fault, run.attempt, track.part)

    def _go_on(self, track: Track, run: Run, known: Mapping[int, Entry], most: int) -> int:
        entries = self._backlog.after(run.cursor, known, most, ahead=run.is_crowded)
        done, split_at_ms = track.hand_out(entries, run)
        self._backlog.advance(done, split_at_ms, run.cursor.fence, track.part)
        if run.held is not None and split_at_ms:
            run.held.is_plain = False
        return done[-1].seq
