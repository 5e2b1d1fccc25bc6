"""Explains the pushes that came to a client twice, by what happened to it between the two. Pure.

Both pushes have the same `message_id`, by which clients drop the second. What a client showed
twice all the same is a fault, and the checker's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from .history import Client, Connected, Disconnected, History, MessageId, Pushed, Room


class Why(StrEnum):
    """Between the two pushes of a message, the client's connection …

    IN_FLIGHT: … broke and was recovered, and the last push before the break was of another room:
        both posts were in flight, and the offset of one does not cover the other.
    COVERED: … broke and was recovered, and the offset of the last push before the break covers the
        message. This should not happen.
    NEW_SESSION: … broke and was replaced by one without recovery.
    REPEATED: … did not break: a post's answer was lost, or a job ran twice.
    """

    IN_FLIGHT = "in flight with a push of another room at a break, sent again by a recovery"
    COVERED = "covered by the offset at a break, and sent again by a recovery"
    NEW_SESSION = "pushed before a break, and again to a new session"
    REPEATED = "repeated on one connection"


@dataclass(frozen=True, slots=True)
class Double:
    """A push of a message that the client had been pushed before.

    Attributes:
        after_s: Seconds since the push before.
    """

    client: Client
    message_id: MessageId
    why: Why
    after_s: float


def doubles(history: History) -> tuple[Double, ...]:
    """Every repeated push, in the order of observation for each client."""
    return tuple(
        double
        for client in sorted({each.client for each in history.events if isinstance(each, Pushed)})
        for double in _of(client, history)
    )


def _of(client: Client, history: History) -> Iterator[Double]:
    recovered = _recovered(client, history)
    breaks = 0
    last: dict[MessageId, tuple[float, int]] = {}
    rooms: dict[int, Room] = {}  # of the last push before the next break
    for event in history.events:
        if isinstance(event, Disconnected) and event.client == client:
            breaks += 1
        elif isinstance(event, Pushed) and event.client == client:
            before = last.get(event.message_id)
            last[event.message_id] = event.at_s, breaks
            if before is not None:
                at_s, its_breaks = before
                why = Why.REPEATED
                if its_breaks != breaks:
                    beside = rooms[its_breaks] != event.room
                    why = Why.IN_FLIGHT if beside else Why.COVERED
                    why = why if recovered.get(breaks) else Why.NEW_SESSION
                yield Double(client, event.message_id, why, round(event.at_s - at_s, 4))
            rooms[breaks] = event.room


def _recovered(client: Client, history: History) -> dict[int, bool]:
    """Whether the connection after so many breaks was recovered.

    A stock client passes on what it missed before it reports the connection.
    """
    found: dict[int, bool] = {}
    breaks = 0
    for event in history.events:
        if isinstance(event, Disconnected) and event.client == client:
            breaks += 1
        elif isinstance(event, Connected) and event.client == client:
            found[breaks] = event.recovered
    return found
