"""Post entries of a stream to connections: each connection in order, none waiting for another.

Several entries go to the post client at once. It sends a connection its next entry as soon as the
connection has taken the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import wire
from ..contract import events
from ..jobs.delivery import DeliverToRecovering
from ..kernel import telemetry
from ..kernel.errors import Unavailable
from ..model.connections import Target
from ..model.delivery import Outcome, Post
from ..model.identifiers import ConnectionId
from ..model.log import Entry
from ..ports.queues import Queue
from ..ports.system import Clock
from .backlog import TOO_LARGE, Backlog
from .confirmations import Confirmations
from .fanout import posts_for
from .posting import TOO_MANY, Posting
from .runs import Run
from .slow import SlowConnections

# Entries posted at once. A post takes two seconds at most, and a function has 20.
WINDOW = 4
PATIENT_ATTEMPTS = 3  # attempts in which a room waits while posts of many connections are refused
# Later, a room goes on without the refused if at least one of so many posts was taken.
_REFUSED_FOR_ONE_TAKEN = 4


@dataclass(frozen=True, slots=True)
class _Sent:
    """One post of a window and its outcome; `index` is the entry's place in the window."""

    index: int
    target: Target
    outcome: Outcome


class Serving:
    def __init__(
        self,
        *,
        posting: Posting,
        slow: SlowConnections,
        confirmations: Confirmations,
        backlog: Backlog,
        queue: Queue,
        clock: Clock,
    ) -> None:
        self._posting = posting
        self._slow = slow
        self._confirmations = confirmations
        self._backlog = backlog
        self._queue = queue
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
        slow = set(run.cursor.behind)
        behind: list[tuple[Entry, Target]] = []
        while len(done) < len(entries) and not (done and self._clock.now_ms() >= run.until_ms):
            window = entries[len(done) : len(done) + WINDOW]
            try:
                served, late = self._window(window, targets, slow, run)
            except Exception as fault:  # the next run starts with this window and fails again
                if not done:
                    raise
                telemetry.error("window_failed", fault)
                break
            slow |= {target.origin for _, target in late}
            behind += late
            done += window[:served]
            if served < len(window):
                break
        self._slow.fall_behind(run.cursor, behind, part)
        return done

    def _window(
        self,
        entries: Sequence[Entry],
        targets: Sequence[Target],
        slow: set[ConnectionId],
        run: Run,
    ) -> tuple[int, list[tuple[Entry, Target]]]:
        """Post a few entries.

        Returns:
            How many are done, and which of those connections must get in their own groups.
        """
        plain = [target for target in targets if not wire.recovers(target.protocol)]
        posts = _posts(entries, [target for target in plain if target.origin not in slow])
        entries = entries[: len(posts)]
        self._queue_for_recovering(entries, targets)
        sent = self._post(posts)
        stuck = _stuck(sent)
        done = self._reach(sent, stuck, len(entries), run)
        for index in sorted({each.index for each in sent if each.outcome is Outcome.TOO_LARGE}):
            if index < done:
                self._backlog.set_aside(entries[index], TOO_LARGE, run.attempt)
        self._ask(entries[:done], sent)
        late = [
            (entry, target)
            for index, entry in enumerate(entries[:done])
            for target in plain
            if target.origin != entry.origin_id
            and (target.origin in slow or _missed(stuck, target.origin, index))
        ]
        return done, late

    def _post(self, posts: list[list[Post]]) -> list[_Sent]:
        flat = [(index, post) for index, some in enumerate(posts) for post in some]
        outcomes = self._posting.outcomes([post for _, post in flat])
        return [
            _Sent(index, post.target, outcome)
            for (index, post), outcome in zip(flat, outcomes, strict=True)
        ]

    def _reach(
        self,
        sent: list[_Sent],
        stuck: dict[ConnectionId, tuple[int, Outcome]],
        count: int,
        run: Run,
    ) -> int:
        """Return how many entries are done: those before the first that must be posted again.

        The region's posts may be used up, or the account's requests. That is no connection's
        fault, so the room waits. Many slow clients at once look the same: after some attempts a
        room in which posts are taken goes on, and the refused wait in groups of their own.
        """
        busy = [index for index, outcome in stuck.values() if outcome is Outcome.BUSY]
        if busy and run.attempt > PATIENT_ATTEMPTS:
            takers = {each.target.origin for each in sent if each.outcome is Outcome.DELIVERED}
            some_take = len(takers) * _REFUSED_FOR_ONE_TAKEN >= len(busy)
            if some_take and self._slow.room_for(run.cursor, len(busy)):
                busy = []
        unsent = [index for index, outcome in stuck.values() if outcome is Outcome.UNSENT]
        reach = min([*busy, *unsent], default=count)
        if not reach:
            raise Unavailable(TOO_MANY)
        return reach

    def _queue_for_recovering(self, entries: Sequence[Entry], targets: Sequence[Target]) -> None:
        """Queue entries for the sockets that can recover, which have groups of their own."""
        recovering = [target for target in targets if wire.recovers(target.protocol)]
        jobs = [
            DeliverToRecovering(entry=entry, target=target)
            for entry in entries
            for target in recovering
            if target.origin != entry.origin_id
            and wire.takes(target.protocol, events.of_entry(entry).name)
        ]
        if jobs:
            self._queue.send(jobs)

    def _ask(self, entries: Sequence[Entry], sent: list[_Sent]) -> None:
        """Ask devices to confirm messages whose senders want a receipt."""
        for index, entry in enumerate(entries):
            if entry.delivery_receipt:
                takers = [
                    each.target
                    for each in sent
                    if each.index == index and each.outcome is Outcome.DELIVERED
                ]
                self._confirmations.ask(entry, takers)


def _posts(entries: Sequence[Entry], targets: Sequence[Target]) -> list[list[Post]]:
    """Return the posts of each entry, up to the first that cannot be encoded.

    Raises:
        Exception: The first entry cannot be encoded.
    """
    posts: list[list[Post]] = []
    for entry in entries:
        others = [target for target in targets if target.origin != entry.origin_id]
        try:
            posts.append(posts_for(events.of_entry(entry), others, entry.room_id))
        except Exception as fault:
            if not posts:
                raise
            telemetry.error("entry_not_encoded", fault)
            break
    return posts


def _missed(
    stuck: dict[ConnectionId, tuple[int, Outcome]], origin: ConnectionId, index: int
) -> bool:
    return origin in stuck and stuck[origin][0] <= index


def _stuck(sent: list[_Sent]) -> dict[ConnectionId, tuple[int, Outcome]]:
    """Return the first entry that each connection did not get, and why; without those gone."""
    stuck: dict[ConnectionId, tuple[int, Outcome]] = {}
    for each in sent:
        if each.outcome not in (Outcome.DELIVERED, Outcome.TOO_LARGE):
            stuck.setdefault(each.target.origin, (each.index, each.outcome))
    return {origin: why for origin, why in stuck.items() if why[1] is not Outcome.GONE}
