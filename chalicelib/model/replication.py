"""Items of other regions that have been replicated to this region."""

from __future__ import annotations

from dataclasses import dataclass

from .identifiers import MessageId, Region, RoomId
from .log import Entry
from .receipts import Marker


@dataclass(frozen=True, slots=True)
class Replicated:
    """An item that was replicated: the short name of its table, and its key."""

    table: str
    partition: str
    sort: str = ""


@dataclass(frozen=True, slots=True)
class ReplicatedDedupe:
    """The dedupe item of a message that another region has stored."""

    room_id: RoomId
    region: Region
    message_id: MessageId


@dataclass(frozen=True, slots=True)
class ReplicatedMarker:
    """A read marker that another region has moved.

    Attributes:
        before: What it was before; None if it is new.
    """

    room_id: RoomId
    marker: Marker
    before: Marker | None


Arrival = Entry | ReplicatedDedupe | ReplicatedMarker | Replicated
