"""The fast lane: a sender delivers its own entry to a small room, without the queue.

It does what the room's worker does, by the same code and under the same lease (`holding`), for one
entry: if the stream's cursor stands right before it, nobody waits to write, and the room is small.
What it leaves gets a job. If the sender dies, the outbox queues it (`outbox`); without an outbox
the job is queued meanwhile, and the worker finds that the cursor has passed the entry. So nothing
depends on the lane.

One Redis trip brings the lease, where the cursor is, and who of the members is online. The sender's
answer waits for the lane, so its time is limited.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..kernel import telemetry
from ..kernel.errors import Unavailable
from ..kernel.settings import Settings
from ..model.delivery import Cursor, Lane
from ..model.lines import Turn
from ..model.log import Entry
from ..model.rooms import LargeRoom, SmallRoom
from ..ports.log import Recents
from ..ports.system import Parallel
from .backlog import Backlog
from .confirmations import Confirmations
from .holding import Held, Holding
from .runs import Run
from .serving import Serving


class FastLane:
    def __init__(
        self,
        holding: Holding,
        recents: Recents,
        backlog: Backlog,
        confirmations: Confirmations,
        serving: Serving,
        parallel: Parallel,
        settings: Settings,
    ) -> None:
        self._holding = holding
        self._recents = recents
        self._backlog = backlog
        self._confirmations = confirmations
        self._serving = serving
        self._parallel = parallel
        self._most = settings.fast_lane
        self._posts_ms = settings.fast_lane_ms
        self._has_outbox = settings.outbox

    def deliver(self, entry: Entry, turn: Turn | None, enqueue: Callable[[], None]) -> None:
        """Deliver an entry that was just written, as far as that is for the lane; queue the rest.

        Args:
            turn: What its frame has drawn, with the room's members; None for no frame.
            enqueue: Queues the entry's job.

        Raises:
            Unavailable: The job was not queued; the entry may be delivered nevertheless.
        """
        if not self._most:
            enqueue()
        elif not self._has_outbox:
            self._parallel.run([enqueue, lambda: self._try(entry, turn)])
        elif not self._try(entry, turn):
            enqueue()

    def _try(self, entry: Entry, turn: Turn | None) -> bool:
        """Whether the stream's cursor has passed the entry."""
        try:
            room = turn.room if turn is not None else self._room_of(entry)
            return room is not None and self._deliver(entry, room)
        except Exception as fault:  # noqa: BLE001 - its job delivers it, whatever happens here
            if isinstance(fault, Unavailable):
                telemetry.log("INFO", "lane_left", reason=telemetry.reason(fault))
            else:
                telemetry.error("lane_failed", fault)
            return False

    def _room_of(self, entry: Entry) -> SmallRoom | None:
        """The room's members as cached, for a writer that has not read them. One Redis trip."""
        known = self._recents.deliver(entry.room_id, [])
        if known.version is None or known.members is None or isinstance(known.members, LargeRoom):
            return None
        return SmallRoom(known.version, tuple(known.members))

    def _deliver(self, entry: Entry, room: SmallRoom) -> bool:
        taken = self._holding.try_lane(self._backlog.shown([entry]), room.users, self._posts_ms)
        if taken is None:
            return False
        lane, held = taken
        try:
            done = self._under_lease(entry, room, lane, held)
        except Exception:
            self._holding.give_up(held, None)
            raise
        self._holding.give_up(held, entry.seq if done else lane.lease.at, int(done))
        return done

    def _under_lease(self, entry: Entry, room: SmallRoom, lane: Lane, held: Held) -> bool:
        """Deliver the entry; False if that is not for the lane."""
        if lane.version != room.version or lane.online.unknown:
            return False
        if len(lane.online.targets) > self._most:
            return False
        cursor = self._cursor(entry, lane)
        if cursor.seq != entry.seq - 1 or cursor.split is not None or cursor.split_at_ms:
            return False
        if cursor.fence > lane.lease.fence:  # Redis's clock was set back: the write would fail
            return False
        held.is_plain = cursor.is_plain
        run = Run(cursor, held.posts_until_ms, 1, held)
        entries = self._confirmations.expected([entry], len(room.users))
        done = self._serving.serve(entries, lane.online.targets, run, None)
        self._backlog.advance(done, 0, cursor.fence)
        return True

    def _cursor(self, entry: Entry, lane: Lane) -> Cursor:
        """The stream's cursor: as the last holder of the lease left it, or else as stored."""
        if lane.lease.plain and lane.lease.at == entry.seq - 1:
            return Cursor(lane.lease.at, fence=lane.lease.fence)
        cursor = self._backlog.cursor(entry)
        return replace(cursor, fence=max(cursor.fence, lane.lease.fence))
