"""Connections that do not take their posts: each gets order groups of its own.

The last entry queued for such a connection is noted with the cursor: the stream's, or that of its
part. Until the job of that entry is done, later entries are queued in the same group, so that the
device keeps its order and nobody waits for it. If the connection still takes no posts, it is
closed; its client reconnects with its position.

A connection is closed only for its own refusals. While the posts of many fail, or the region has
used up its posts, jobs wait however long that lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..contract import events
from ..jobs.delivery import DeliverDirect
from ..kernel.errors import Unavailable
from ..model.connections import Target
from ..model.delivery import Cursor
from ..model.identifiers import Region, RoomId
from ..model.log import Entry
from ..ports.delivery import Cursors, PostBudget, Tallies
from ..ports.queues import Queue
from .backlog import TOO_LARGE, Backlog
from .confirmations import Confirmations
from .fanout import RETRY_DELAYS_S, posts_for
from .holding import MOVED
from .posting import TOO_MANY, Posting

MOST_BEHIND = 100  # connections noted with one cursor: about 5 KB, of which each write pays
_TALLY_S = 900


class SlowConnections:
    def __init__(
        self,
        *,
        cursors: Cursors,
        tallies: Tallies,
        budget: PostBudget,
        posting: Posting,
        confirmations: Confirmations,
        backlog: Backlog,
        queue: Queue,
        outbound_dead: Queue,
    ) -> None:
        self._cursors = cursors
        self._tallies = tallies
        self._budget = budget
        self._posting = posting
        self._confirmations = confirmations
        self._backlog = backlog
        self._queue = queue
        self._outbound_dead = outbound_dead

    def direct(self, job: DeliverDirect, attempt: int) -> int | None:
        """Post to one slow connection again.

        After the third retry that the connection itself refused, it is closed: it missed an
        entry, and gets it by reconnecting with its position. The job goes to the dead letters of
        outbound.

        Returns:
            The seconds to wait before the next attempt; None when done.

        Raises:
            Unavailable: The post was not made, or refused together with many others.
        """
        entry, target = job.entry, job.target
        if self._posting.has_ended(target):
            # It was closed for an earlier entry, and the close may still be repeated: this entry
            # must not overtake that one.
            self._done(job)
            return None
        receipt = self._posting.post(posts_for(events.of_entry(entry), [target], entry.room_id))
        if receipt.busy or receipt.unsent:
            raise Unavailable(TOO_MANY)
        if receipt.retry:
            # Not the receives of the job: those of an outage do not count against the connection.
            refusals = self._tallies.tally(f"direct:{job.dedupe}", _TALLY_S)
            if refusals <= len(RETRY_DELAYS_S):
                return RETRY_DELAYS_S[refusals - 1]
            self._must_pass()
            self._outbound_dead.send([job])
            self._posting.close(target)
        if receipt.refused:
            self._backlog.set_aside(entry, TOO_LARGE, attempt)
        if receipt.delivered:
            self._confirmations.ask(entry, [target])
        self._done(job)
        return None

    def _done(self, job: DeliverDirect) -> None:
        entry, origin = job.entry, job.target.origin
        self._cursors.catch_up(entry.room_id, entry.region, origin, entry.seq, job.part)

    def room_for(self, cursor: Cursor, count: int) -> bool:
        """Whether that many more connections can be noted as behind."""
        return len(cursor.behind) + count <= MOST_BEHIND

    def fall_behind(
        self, cursor: Cursor, behind: Sequence[tuple[Entry, Target]], part: int | None
    ) -> None:
        """Note connections as behind, then queue their entries in groups of their own.

        The note is written first, because the job of the noted entry removes it. When too many
        connections are noted already, the rest is closed; their clients reconnect and sync.

        Raises:
            Unavailable: Also when another process goes on with the stream.
        """
        if not behind:
            return
        room_id, region = behind[0][0].room_id, behind[0][0].region
        last = {target.origin: entry.seq for entry, target in behind}
        new = [origin for origin in last if origin not in cursor.behind]
        beyond = set(new[max(0, MOST_BEHIND - len(cursor.behind)) :])
        if beyond:
            self._must_pass()
        noted = {origin: seq for origin, seq in last.items() if origin not in beyond}
        if noted:
            if not self._cursors.fall_behind(room_id, region, noted, part, cursor.fence):
                raise Unavailable(MOVED)
            late = [(entry, target) for entry, target in behind if target.origin in noted]
            self._queue.send(
                [DeliverDirect(entry=entry, target=each, part=part) for entry, each in late]
            )
        for target in {t.origin: t for _, t in behind if t.origin in beyond}.values():
            self._posting.close(target)

    def _must_pass(self) -> None:
        """Check that the region's posts are taken, before a connection is closed for refusing.

        Raises:
            Unavailable: Many are refused: that is no single connection's fault.
        """
        if not self._budget.posts_pass():
            raise Unavailable(TOO_MANY)

    def forget_gone(
        self,
        room_id: RoomId,
        region: Region,
        cursor: Cursor,
        targets: Iterable[Target],
        part: int | None,
    ) -> None:
        """Remove notes of connections that are gone, once there are many notes.

        Such notes stay when a worker died between a note and its jobs.
        """
        if len(cursor.behind) > MOST_BEHIND // 2:
            connected = {target.origin for target in targets}
            for origin, seq in cursor.behind.items():
                if origin not in connected:
                    self._cursors.catch_up(room_id, region, origin, seq, part)
