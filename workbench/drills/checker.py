"""From a history to a verdict: what was lost, doubled, misordered or made up. Pure.

The log is the measure. A message must reach every member but the client that sent it: that one
knows it by its ack. A push is at least once by contract, so what counts as doubled is what a
client showed twice after its own de-duplication; pushes that came twice are counted beside.
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
    """What can be wrong.

    LOST: acked and not in the log; or in the log, and a member never saw it.
    DOUBLED: one key twice in the log, or acked as two messages; or shown twice by a client.
    MISORDERED: shown in another order than the log's; or a message that was sent after the ack
        of another stands before that in the log.
    MADE_UP: shown, but not in the log; or in the log, and nobody sent it.
    """

    LOST = "lost"
    DOUBLED = "doubled"
    MISORDERED = "misordered"
    MADE_UP = "made up"


@dataclass(frozen=True, slots=True)
class Fault:
    """`client` is None for what is wrong in the log itself."""

    kind: Kind
    room: Room
    message_id: MessageId
    client: Client | None
    why: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Sizes, so that a verdict without a fault is seen to have judged something.

    Attributes:
        failed: Sends whose client gave up, without an ack.
        deliveries: Messages that had to reach a client, over all clients.
        pushed_again: Pushes of a message that its client had been pushed before.
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
    """What each member of a room has to see: all of the log but what itself has sent."""
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
    """Each ack names the one message that the log has under its key."""
    log = {(r, e.message_id): e.key for r, entries in history.log.items() for e in entries}
    known: dict[Key, MessageId] = {}
    for event in history.events:
        if not isinstance(event, Acked):
            continue
        fault = (event.room, event.message_id, None)
        if known.setdefault(event.key, event.message_id) != event.message_id:
            yield Fault(Kind.DOUBLED, *fault, f"{event.key} was acked as two messages")
        if log.get((event.room, event.message_id)) != event.key:
            yield Fault(Kind.LOST, *fault, f"{event.key} was acked, the log has no such message")


def _log(history: History) -> Iterator[Fault]:
    """The log has each key once, and only what was sent to its room."""
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
    """Each client shows the log's messages once and in the log's order, its own aside."""
    senders = _senders(history)
    places = {
        room: {entry.message_id: place for place, entry in enumerate(entries)}
        for room, entries in history.log.items()
    }
    own = {e.message_id: senders.get(e.key) for entries in history.log.values() for e in entries}
    furthest: dict[tuple[Client, Room], int] = {}
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
            continue  # where it belongs, its ack has told
        if place < furthest.get((event.client, event.room), -1):
            yield Fault(Kind.MISORDERED, *fault, "shown after one that follows it in the log")
            continue
        furthest[event.client, event.room] = place


def _precedence(history: History) -> Iterator[Fault]:
    """Who waits for an ack before the next message finds the two in that order in the log."""
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
            why = f"{key} was sent after the ack of one that follows it in the log"
            yield Fault(Kind.MISORDERED, room, ids[room, key], None, why)


def _senders(history: History) -> dict[Key, Client]:
    return {event.key: event.client for event in history.events if isinstance(event, Sent)}
