"""The trigger on the streams of the global tables: what must be delivered becomes jobs.

That is what other regions wrote, and entries of this region that no sender has delivered.

A stream reports an item at the moment at which it is in this region's replica, so no write is
missed, whatever dies. The function only queues jobs, which may be done twice. If that fails, Lambda
gives it the same records again: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..jobs import Job
from ..jobs.foreign import DeliverForeign, ForeignChange, NoteCopies
from ..jobs.receipts import TellRead
from ..kernel import telemetry
from ..model.identifiers import ConnectionId, MessageId, Stream
from ..model.log import Entry
from ..model.replication import Arrival, Replicated, ReplicatedDedupe, ReplicatedMarker
from ..ports.replication import Arrivals
from ..services import Services

_MOST_COPIES = 100  # in a job


def replicated(services: Services, event: Mapping[str, Any]) -> None:
    """Queue the jobs for a batch of records.

    Raises:
        Unavailable: A queue did not answer; some jobs may have been queued.
    """
    adapters = services.adapters
    region = services.region
    with telemetry.invocation(adapters.clock.now_ms, "carried", function="replicated"):
        reported = list(_read(adapters.arrivals, event["Records"]))
        own = [each for each in reported if isinstance(each, Entry) and each.region == region]
        arrived = [e for e in reported if not isinstance(e, Entry) or e.region != region]
        if entries := list(_entries(arrived)):
            adapters.delivery.send(entries)
        if others := [*_changes(arrived), *_copies(arrived), *_readings(arrived)]:
            adapters.outbound.send(others)
        telemetry.note(
            "carried",
            records=len(event["Records"]),
            of_others=len(arrived),
            undelivered=services.outbox.check(own),
        )


def _read(arrivals: Arrivals, records: Iterable[Mapping[str, Any]]) -> Iterator[Arrival]:
    for record in records:
        try:
            arrival = arrivals.read(record)
        except (KeyError, TypeError, ValueError) as fault:
            # Repeating it would stop all that follows in its shard.
            telemetry.error("record_unreadable", fault, record=record.get("eventID"))
            continue
        if arrival is not None:
            yield arrival


def _entries(arrived: Iterable[Arrival]) -> Iterator[Job]:
    """One job for entries that follow each other in a stream: it reads the others from the log."""
    entries = {(e.room_id, e.region, e.seq): e for e in arrived if isinstance(e, Entry)}
    for room_id, region, seq in sorted(entries):
        if (room_id, region, seq + 1) in entries:
            continue
        first = seq
        while (room_id, region, first - 1) in entries:
            first -= 1
        entry = entries[room_id, region, seq]
        yield DeliverForeign(entry=entry, first=first if first < seq else None)


def _changes(arrived: Iterable[Arrival]) -> list[Job]:
    items = dict.fromkeys(each for each in arrived if isinstance(each, Replicated))
    return [ForeignChange(table=i.table, partition=i.partition, sort=i.sort) for i in items]


def _copies(arrived: Iterable[Arrival]) -> Iterator[Job]:
    found: dict[Stream, list[MessageId]] = {}
    for each in arrived:
        if isinstance(each, ReplicatedDedupe):
            found.setdefault((each.room_id, each.region), []).append(each.message_id)
    for (room_id, region), ids in found.items():
        for some in _parts(ids, _MOST_COPIES):
            yield NoteCopies(room_id=room_id, region=region, message_ids=tuple(some))


def _readings(arrived: Iterable[Arrival]) -> Iterator[Job]:
    for each in arrived:
        if isinstance(each, ReplicatedMarker):
            before = each.before.reading if each.before is not None else None
            yield TellRead(
                room_id=each.room_id,
                user_id=each.marker.user_id,
                message_id=each.marker.message_id,
                after=before.message_id if before is not None else "",
                at_ms=each.marker.read_ms,
                origin=ConnectionId(""),
                before=before.seen if before is not None else None,
                seen=each.marker.seen or None,
                foreign=True,
                silent=each.marker.shown is not None,
            )


def _parts(ids: Sequence[MessageId], most: int) -> Iterator[Sequence[MessageId]]:
    return (ids[start : start + most] for start in range(0, len(ids), most))
