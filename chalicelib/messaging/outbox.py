"""The log as an outbox: what is committed and was not delivered gets its job.

The stream of the table `messages` reports an entry when it is committed, whatever becomes of its
writer. So a sender that has delivered its entry itself queues no job: if the stream's cursor has
passed the entry, nothing is left to do. If it has not, as the sender died, is not done or has
queued a job, a job is queued here. One more than is needed does no harm: it finds the cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..jobs.delivery import DeliverEntry
from ..kernel import telemetry
from ..kernel.errors import Unavailable
from ..model.delivery import Cursor
from ..model.identifiers import Stream
from ..model.log import Entry
from ..ports.delivery import Cursors
from ..ports.queues import Queue


class Outbox:
    def __init__(self, cursors: Cursors, queue: Queue) -> None:
        self._cursors = cursors
        self._queue = queue

    def check(self, entries: Iterable[Entry]) -> int:
        """Queue the delivery of what no cursor has passed of these entries of this region.

        A stream that fails for its own sake is left out: it must not hold back all others.

        Returns:
            How many jobs were queued.

        Raises:
            Unavailable: Some jobs may have been queued. It can be repeated.
        """
        streams: dict[Stream, list[Entry]] = {}
        for entry in sorted(entries, key=lambda each: each.seq):
            streams.setdefault((entry.room_id, entry.region), []).append(entry)
        try:
            return self._check(streams)
        except Unavailable:
            raise
        except Exception as fault:  # noqa: BLE001 - raising it would stop all streams
            if len(streams) == 1:
                [(room_id, _)] = streams
                telemetry.error("entries_unchecked", fault, room_id=room_id)
                return 0
            return sum(self.check(some) for some in streams.values())

    def _check(self, streams: Mapping[Stream, list[Entry]]) -> int:
        cursors = self._cursors.of(list(streams)) if streams else {}
        jobs = [
            DeliverEntry(entry=entry)
            for stream, some in streams.items()
            for entry in _left(cursors[stream], some)
        ]
        if jobs:
            self._queue.send(jobs)
        return len(jobs)


def _left(cursor: Cursor, entries: list[Entry]) -> Iterator[Entry]:
    """Of a stream's entries in order, those whose jobs deliver all that is left."""
    left = [entry for entry in entries if entry.seq > cursor.seq]
    if len(left) > 1 and not cursor.seq:
        yield left[0]  # where a stream without a cursor begins
    if left:
        yield left[-1]
