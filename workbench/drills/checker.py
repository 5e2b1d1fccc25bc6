"""Checks a drill's history for lost, doubled, misordered and made-up messages. Pure.

Clients are compared with the log. A message must reach every member except the client that sent
it, which gets its id in the ack. Pushes are at least once by contract, so a message is doubled if
a client showed it twice after its own de-duplication; repeated pushes are only counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from .history import (
    Acked,
    Client,
    Connected,
    Cut,
    Disconnected,
    Failed,
    History,
    Key,
    MessageId,
    Pushed,
    Room,
    Seen,
    Sent,
)


class Kind(StrEnum):
    """Kinds of faults.

    LOST: Acked but not in the log, or in the log but never seen by a member.
    DOUBLED: One key twice in the log, acked as two messages, or shown twice by a client.
    MISORDERED: Shown in another order than the log's, or sent after the ack of a message that
        follows it in the log.
    MADE_UP: Shown but not in the log, or in the log but never sent.
    """

    LOST = "lost"
    DOUBLED = "doubled"
    MISORDERED = "misordered"
    MADE_UP = "made up"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `client` is None if the log itself is wrong."""

    kind: Kind
    room: Room
    message_id: MessageId
    client: Client | None
    why: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Sizes, which show that a verdict without faults has judged something.

    Attributes:
        failed: Sends that their client gave up without an ack.
        deliveries: Messages that had to reach a client, summed over all clients.
        pushed_again: Repeated pushes of a message to a client.
    """

    sent: int
    acked: int
    failed: int
    in_log: int
    deliveries: int
    seen: int
    pushes: int
    pushed_again: int
    connections: int
    recovered: int
    disconnections: int
    cuts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    faults: tuple[Fault, ...]
    counts: Counts

    def of(self, kind: Kind) -> int:
        return sum(fault.kind is kind for fault in self.faults)


def check(history: History) -> Verdict:
    faults = (
        *_acks(history),
        *_log(history),
        *_missing(history),
        *_shown(history),
        *_precedence(history),
    )
    return Verdict(faults, count(history))


def due(history: History) -> dict[Room, dict[Client, frozenset[MessageId]]]:
    """The messages that each member of a room must see: the room's log without their own."""
    senders = _senders(history)
    return {
        room: {
            client: frozenset(e.message_id for e in entries if senders.get(e.key) != client)
            for client in history.members[room]
        }
        for room, entries in history.log.items()
    }


def count(history: History) -> Counts:
    kinds = Counter(type(event) for event in history.events)
    pushes = Counter((e.client, e.message_id) for e in history.events if isinstance(e, Pushed))
    return Counts(
        sent=kinds[Sent],
        acked=kinds[Acked],
        failed=kinds[Failed],
        in_log=sum(map(len, history.log.values())),
        deliveries=sum(len(ids) for room in due(history).values() for ids in room.values()),
        seen=kinds[Seen],
        pushes=kinds[Pushed],
        pushed_again=kinds[Pushed] - len(pushes),
        connections=kinds[Connected],
        recovered=sum(isinstance(e, Connected) and e.recovered for e in history.events),
        disconnections=kinds[Disconnected],
        cuts=dict(Counter(f"{e.way} {e.what}" for e in history.events if isinstance(e, Cut))),
    )


def _acks(history: History) -> Iterator[Fault]:
    """Each ack must name the one message that the log has under its key."""
    log = {(r, e.message_id): e.key for r, entries in history.log.items() for e in entries}
    known: dict[Key, MessageId] = {}
    for event in history.events:
        if not isinstance(event, Acked):
            continue
        fault = (event.room, event.message_id, None)
        if known.setdefault(event.key, event.message_id) != event.message_id:
            yield Fault(Kind.DOUBLED, *fault, f"{event.key} was acked as two messages")
        if log.get((event.room, event.message_id)) != event.key:
            yield Fault(Kind.LOST, *fault, f"{event.key} was acked, but is not in the log")


def _log(history: History) -> Iterator[Fault]:
    """The log must have each key once, and only messages that were sent to its room."""
    sent = {(e.room, e.key) for e in history.events if isinstance(e, Sent)}
    for room, entries in history.log.items():
        keys: set[Key] = set()
        for entry in entries:
            if entry.key in keys:
                why = f"the log has {entry.key} twice"
                yield Fault(Kind.DOUBLED, room, entry.message_id, None, why)
            if (room, entry.key) not in sent:
                why = f"nobody sent {entry.key}"
                yield Fault(Kind.MADE_UP, room, entry.message_id, None, why)
            keys.add(entry.key)


def _missing(history: History) -> Iterator[Fault]:
    seen = {(e.client, e.message_id) for e in history.events if isinstance(e, Seen)}
    for room, clients in due(history).items():
        for client, ids in clients.items():
            for message_id in sorted(ids):
                if (client, message_id) not in seen:
                    yield Fault(Kind.LOST, room, message_id, client, "never seen")


def _shown(history: History) -> Iterator[Fault]:
    """Each client must show the log's messages once, in the log's order, without its own.

    Messages of another region may arrive late, so the order is that of each region's own.
    """
    senders = _senders(history)
    places = {
        room: {entry.message_id: place for place, entry in enumerate(entries)}
        for room, entries in history.log.items()
    }
    own = {e.message_id: senders.get(e.key) for entries in history.log.values() for e in entries}
    origins = {e.message_id: e.origin for entries in history.log.values() for e in entries}
    furthest: dict[tuple[Client, Room, str], int] = {}
    shown: set[tuple[Client, MessageId]] = set()
    for event in history.events:
        if not isinstance(event, Seen):
            continue
        fault = (event.room, event.message_id, event.client)
        place = places.get(event.room, {}).get(event.message_id)
        if place is None:
            yield Fault(Kind.MADE_UP, *fault, "shown, but not in the room's log")
            continue
        if (event.client, event.message_id) in shown:
            yield Fault(Kind.DOUBLED, *fault, "shown twice")
            continue
        shown.add((event.client, event.message_id))
        if own[event.message_id] == event.client:
            continue  # the ack has given the client its place
        stream = (event.client, event.room, origins[event.message_id])
        if place < furthest.get(stream, -1):
            yield Fault(Kind.MISORDERED, *fault, "shown after a message that follows it in the log")
            continue
        furthest[stream] = place


def _precedence(history: History) -> Iterator[Fault]:
    """A message that a client sent after the ack of another must follow that one in the log."""
    places = {
        (room, entry.key): place
        for room, entries in history.log.items()
        for place, entry in enumerate(entries)
    }
    ids = {(r, e.key): e.message_id for r, entries in history.log.items() for e in entries}
    acked: dict[tuple[Client, Room], int] = {}
    floors: dict[tuple[Room, Key], int] = {}
    for event in history.events:
        if isinstance(event, Sent):
            floors[event.room, event.key] = acked.get((event.client, event.room), -1)
        elif isinstance(event, Acked):
            last, place = (event.client, event.room), places.get((event.room, event.key), -1)
            acked[last] = max(acked.get(last, -1), place)
    for (room, key), floor in floors.items():
        if (room, key) in places and places[room, key] < floor:
            why = f"{key} was sent after the ack of a message that follows it in the log"
            yield Fault(Kind.MISORDERED, room, ids[room, key], None, why)


def _senders(history: History) -> dict[Key, Client]:
    return {event.key: event.client for event in history.events if isinstance(event, Sent)}
