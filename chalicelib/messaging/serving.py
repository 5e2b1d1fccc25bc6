"""Post entries of a stream to connections: each connection in order, none waiting for another.

Several entries go to the post client at once. It sends a connection its next entry as soon as the
connection has taken the one before. When the region's posts are used up in the middle of an
entry, the place is kept with the cursor, and the next attempt goes on from there: a large room
makes progress with however few posts, and posts nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .. import wire
from ..kernel import telemetry
from ..kernel.errors import Unavailable
from ..model.connections import Target
from ..model.delivery import Outcome
from ..model.identifiers import ConnectionId, UserId
from ..model.log import Entry
from ..ports.delivery import Cursors
from ..ports.system import Clock
from .backlog import TOO_LARGE, Backlog
from .confirmations import Confirmations
from .copies import Copies
from .holding import MOVED
from .posting import TOO_MANY, Posting
from .recovering import RecoveringSockets
from .runs import Run
from .slow import SlowConnections
from .window import Late, Window

# Entries posted at once. A post takes two seconds at most, and a function has 20.
WINDOW = 4
# The same in a crowded run (`runs.CROWDED`): a post that is not begun by its end is left for later.
CROWDED_WINDOW = 20
PATIENT_ATTEMPTS = 3  # attempts in which a room waits while posts of many connections are refused
# Later, a room goes on without the refused if at least one of so many posts was taken.
_REFUSED_FOR_ONE_TAKEN = 4


class Serving:
    def __init__(
        self,
        *,
        cursors: Cursors,
        posting: Posting,
        slow: SlowConnections,
        confirmations: Confirmations,
        recovering: RecoveringSockets,
        backlog: Backlog,
        copies: Copies,
        clock: Clock,
    ) -> None:
        self._cursors = cursors
        self._posting = posting
        self._slow = slow
        self._recovering = recovering
        self._confirmations = confirmations
        self._backlog = backlog
        self._copies = copies
        self._clock = clock

    def serve(
        self, entries: Sequence[Entry], targets: Sequence[Target], run: Run, part: int | None
    ) -> list[Entry]:
        """Post entries and return those done, at least one.

        An entry is done when each connection has taken it or has it queued in a group of its own.

        Raises:
            Unavailable: The posts are used up; or many were refused.
        """
        done: list[Entry] = []
        behind: Late = []
        place: tuple[Entry, UserId] | None = None
        targets = sorted(targets, key=lambda target: target.user_id)
        width = CROWDED_WINDOW if run.is_crowded else WINDOW
        while len(done) < len(entries) and not (done and self._clock.now_ms() >= run.until_ms):
            some = entries[len(done) : len(done) + width]
            slow = {*run.cursor.behind, *(target.origin for _, target in behind)}
            try:
                window, served = self._post(some, targets, slow, run)
            except Exception as fault:  # the next run starts with this window and fails again
                if not done:
                    raise
                telemetry.error("window_failed", fault)
                break
            behind += window.late(served)
            done += some[:served]
            if served < len(some):
                found = window.place(served)
                if found is not None:
                    place = some[served], found[0]
                    behind += found[1]
                break
        plain = [each for each in behind if not wire.recovers(each[1].protocol)]
        if run.held is not None and (plain or place is not None):
            run.held.is_plain = False
        self._slow.fall_behind(run.cursor, plain, part)
        self._recovering.queue_for([each for each in behind if wire.recovers(each[1].protocol)])
        if place is not None:
            self._cursors.keep_place(*place, part, run.cursor.fence)
        if not done:
            raise Unavailable(TOO_MANY)
        return done

    def _post(
        self,
        entries: Sequence[Entry],
        targets: Sequence[Target],
        slow: Collection[ConnectionId],
        run: Run,
    ) -> tuple[Window, int]:
        """Post entries and return how many are done."""
        ready = [target for target in targets if target.origin not in slow]
        begun = self._recovering.begin(entries, ready)
        reached = run.cursor.reached(entries[0].seq)
        try:
            copies = self._copies.handed_out(
                entries, self._clock.now_ms(), self._cursors, run.attempt
            )
            window = Window(entries, begun.current(targets), slow, reached, begun, copies)
            self._check(run)
        except Exception:
            self._recovering.settle(begun, dict.fromkeys(begun.trails))
            raise
        window.settle(self._posting.outcomes(window.posts, self._within_ms(run)))
        self._recovering.settle(begun, window.sent())
        done = self._reach(window, run)
        for entry in window.too_large(done):
            self._backlog.set_aside(entry, TOO_LARGE, run.attempt)
        for index, entry in enumerate(window.entries[:done]):
            if entry.delivery_receipt:
                self._confirmations.ask(entry, window.takers(index), self._within_ms(run))
        return window, done

    def _check(self, run: Run) -> None:
        """Check that this process still has the lease, if it has one.

        A process that is paused behind this line posts late: it repeats what others have posted
        since, and can write nothing of it.
        """
        if run.held is not None and self._clock.now_ms() >= run.held.posts_until_ms:
            raise Unavailable(MOVED)

    def _within_ms(self, run: Run) -> int | None:
        """How long posts may wait for a socket from now on."""
        until_ms = run.held.writes_until_ms if run.held is not None else None
        if until_ms is None and run.is_crowded:
            until_ms = run.until_ms
        return None if until_ms is None else max(0, until_ms - self._clock.now_ms())

    def _reach(self, window: Window, run: Run) -> int:
        """Return how many entries are done: those before the first that must be posted again.

        The region's posts may be used up, or the account's requests. That is no connection's
        fault, so the room waits. Many slow clients at once look the same: after some attempts a
        room in which posts are taken goes on, and the refused wait in groups of their own.
        """
        busy = window.stuck_at(Outcome.BUSY)
        if busy and run.attempt > PATIENT_ATTEMPTS:
            some_take = window.taking() * _REFUSED_FOR_ONE_TAKEN >= len(busy)
            if some_take and self._slow.room_for(run.cursor, len(busy)):
                busy = []
        return min([*busy, *window.stuck_at(Outcome.UNSENT)], default=len(window.entries))
