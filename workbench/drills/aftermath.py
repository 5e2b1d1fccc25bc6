"""What a drill's faults have left: what was lost, and when all was well again. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from . import checker
from .history import Acked, Client, History, MessageId, Pushed, Seen


def not_copied(history: History, clients: Collection[Client], by_s: float) -> frozenset[MessageId]:
    """What these clients had acked, or were pushed, by this time and no region's log has."""
    logged = {entry.message_id for entries in history.log.values() for entry in entries}
    told = (e for e in history.events if isinstance(e, Acked | Pushed | Seen) and e.at_s <= by_s)
    return frozenset(
        e.message_id for e in told if e.client in clients and e.message_id not in logged
    )


def without(history: History, gone: Collection[MessageId]) -> History:
    """The history as if these messages had never been acked, pushed or shown."""
    events = tuple(
        event
        for event in history.events
        if not (isinstance(event, Acked | Pushed | Seen) and event.message_id in gone)
    )
    return replace(history, events=events)


def with_first_ids(history: History) -> History:
    """The history as if each message had one id: that of its first copy, which the log shows.

    A resend to another region is stored there until the first copy arrives; both ids are acked.
    """
    logged = {entry.key: entry.message_id for log in history.log.values() for entry in log}
    acks = (event for event in history.events if isinstance(event, Acked))
    first = {e.message_id: logged[e.key] for e in acks if e.key in logged}
    events = tuple(
        replace(event, message_id=first.get(event.message_id, event.message_id))
        if isinstance(event, Acked | Pushed | Seen)
        else event
        for event in history.events
    )
    return replace(history, events=events)


def converged(history: History, healed_s: float) -> float | None:
    """Seconds from this time until all that was acked before it had been seen by everybody."""
    early = {e.message_id for e in history.events if isinstance(e, Acked) and e.at_s <= healed_s}
    first: dict[tuple[Client, MessageId], float] = {}
    for event in history.events:
        if isinstance(event, Seen):
            first.setdefault((event.client, event.message_id), event.at_s)
    last_s = healed_s
    for clients in checker.due(history).values():
        for client, ids in clients.items():
            for message_id in ids & early:
                if (client, message_id) not in first:
                    return None
                last_s = max(last_s, first[client, message_id])
    return last_s - healed_s
