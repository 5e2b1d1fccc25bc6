"""Sockets that can recover get a room's entries as all other connections do, with their offsets.

An offset says what a socket has of all its streams. Several workers may post to one socket at the
same time, each another stream. So a worker marks its stream in the socket's trail before it posts,
and afterwards stores how far the stream was sent: two Redis trips for all sockets together. An
entry's offset names what was stored when the stream was marked, and the entry itself. Of that the
client is certain to have everything. What another worker was posting meanwhile is not named: if the
line breaks then, the client gets it again, with the same `message_id`.

A socket whose trail does not go on where the entries begin (it is being opened, it missed an entry,
another process has marked the stream) gets them from a job in an order group of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .. import wire
from ..contract import events
from ..jobs.delivery import DeliverToRecovering
from ..kernel import telemetry
from ..kernel.errors import CacheDown
from ..model.connections import Target
from ..model.identifiers import ConnectionId, Stream
from ..model.log import Entry
from ..model.sessions import Trail
from ..ports.queues import Queue
from ..ports.sessions import Trails
from ..ports.system import Ids
from ..wire import offsets
from .checkpoints import MOST_SINCE, Checkpoints

# With so many streams since its checkpoint, a socket waits for a new one in its own group.
TOO_MANY_SINCE = offsets.MOST_STREAMS


@dataclass(frozen=True, slots=True)
class Begun:
    """Sockets that can recover, before entries of a stream are posted to them.

    Attributes:
        mark: What marks the stream in their trails.
        trails: Those that get the entries now, or have them. By origin.
        others: The origins of those that get them from jobs in their own groups.
        marked: Trails that are marked but get no entries now.
    """

    stream: Stream
    mark: str
    trails: Mapping[str, Trail]
    others: frozenset[str] = frozenset()
    marked: Mapping[str, Trail] = field(default_factory=dict)

    def current(self, targets: Sequence[Target]) -> list[Target]:
        """These connections without those that a socket has left by an upgrade."""
        return [
            target
            for target in targets
            if target.origin not in self.trails
            or self.trails[target.origin].target.connection_id == target.connection_id
        ]

    def has(self, entry: Entry, target: Target) -> bool:
        """Whether the socket was sent this entry before."""
        trail = self.trails.get(target.origin)
        return trail is not None and trail.seq is not None and trail.seq >= entry.seq

    def offset(self, entry: Entry, target: Target) -> str:
        return offsets.encode(self.trails[target.origin], self.stream, entry.seq)


class RecoveringSockets:
    def __init__(self, trails: Trails, checkpoints: Checkpoints, queue: Queue, ids_: Ids) -> None:
        self._trails = trails
        self._checkpoints = checkpoints
        self._queue = queue
        self._ids = ids_

    def begin(self, entries: Sequence[Entry], targets: Sequence[Target]) -> Begun:
        """Mark the stream in the trails of those of these targets that can recover.

        `settle` must follow. One Redis trip.
        """
        stream, mark = (entries[0].room_id, entries[0].region), self._ids.token()
        name = events.of_message(entries[0].room_id).name
        connections: dict[str, set[ConnectionId]] = {}
        for target in targets:
            if wire.recovers(target.protocol) and wire.takes(target.protocol, name):
                connections.setdefault(target.origin, set()).add(target.connection_id)
        if not connections:
            return Begun(stream, mark, {})
        try:
            found = self._trails.begin(
                list(connections), stream, entries[0].seq - 1, entries[-1].seq, mark
            )
        except CacheDown:
            return Begun(stream, mark, {}, frozenset(connections))
        trails, marked = {}, {}
        for (origin, current), trail in zip(connections.items(), found, strict=True):
            if trail is None:
                continue
            same = trail.target.connection_id in current
            if same and _goes_on(trail, entries[-1]) and len(trail.since) < TOO_MANY_SINCE:
                trails[origin] = trail
            elif trail.begun:
                marked[origin] = trail
        others = frozenset(origin for origin in connections if origin not in trails)
        return Begun(stream, mark, trails, others, marked)

    def settle(self, begun: Begun, sent: Mapping[str, int | None]) -> None:
        """Store up to which seq sockets were sent the stream; None for nothing. One Redis trip.

        A socket that is left out stays marked, as it is unknown what it was sent. The next job in
        its own group closes it, and its client comes back with what it has.
        """
        known = {origin: seq for origin, seq in sent.items() if begun.trails[origin].begun}
        due = {**known, **dict.fromkeys(begun.marked)}
        if not due:
            return
        try:
            since = self._trails.settle(begun.stream, begun.mark, due)
        except CacheDown:
            telemetry.log("WARNING", "sockets_in_doubt", sockets=len(due))
            return
        full = {
            origin: begun.trails[origin] for origin in known if since.get(origin, 0) >= MOST_SINCE
        }
        if full:
            self._checkpoints.try_renew(full)

    def queue_for(self, late: Sequence[tuple[Entry, Target]]) -> None:
        """Queue the last of these entries for each socket; its job sends the earlier ones first."""
        last = {target.origin: (entry, target) for entry, target in late}
        if last:
            self._queue.send(
                [DeliverToRecovering(entry=entry, target=each) for entry, each in last.values()]
            )


def _goes_on(trail: Trail, newest: Entry) -> bool:
    """Whether entries up to the newest may be posted, or were."""
    sent = trail.seq is not None and trail.seq >= newest.seq
    return trail.begun or (sent and not trail.in_doubt)
