"""How far users have read a room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .identifiers import MessageId, Region, UserId

_UNKNOWN = Region("")


@dataclass(frozen=True, slots=True)
class Marker:
    """The last message a user has read in a room, and when they marked it as read.

    Attributes:
        region: The region of the message's stream; "" in markers of earlier versions.
        seq: The message's seq there; 0 in markers of earlier versions.
    """

    user_id: UserId
    message_id: MessageId
    read_ms: int
    region: Region = _UNKNOWN
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the two users who have read a room furthest."""

    user_id: UserId
    message_id: MessageId


def furthest(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Return the two users who have read furthest, the furthest first; the earlier in a tie.

    Two are enough to say for every user how far anybody else has read.
    """
    best: dict[UserId, Reading] = {}
    for each in readings:
        held = best.setdefault(each.user_id, each)
        if held.message_id < each.message_id:
            best[each.user_id] = each
    ordered = sorted(best.values(), key=lambda each: each.message_id, reverse=True)
    return tuple(ordered[:2])
