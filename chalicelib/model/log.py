"""A room's log: entries, heads, and what became of an append."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .identifiers import ConnectionId, MessageId, Region, RoomId, UserId


class EntryKind(StrEnum):
    """What a log entry says: a message, or that an earlier message was deleted."""

    MESSAGE = "message"
    DELETION = "deletion"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a room's log: the stream (room_id, region), contiguous from seq 1.

    Within a stream, message_id order is seq order; over streams, message_id order is the
    canonical order of the room.

    Attributes:
        target_id: For a deletion, the message it deletes.
        deleted: For a message, that it was deleted: its content is gone.
        origin_id: The `Target.origin` it was sent from: it has the ack and gets no event.
        delivery_receipt: Its sender wants to know whom it reached.
    """

    room_id: RoomId
    region: Region
    seq: int
    message_id: MessageId
    kind: EntryKind
    sender_id: UserId
    timestamp_ms: int
    message_type: str = ""
    content: Any = None
    reply_to_message_id: MessageId | None = None
    client_message_id: str | None = None
    target_id: MessageId | None = None
    deleted: bool = False
    origin_id: ConnectionId | None = None
    delivery_receipt: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a stream; `Head(0, "")` of an empty one.

    Attributes:
        last_id: Its message_id; None when only the seq is known (a guess from the cache).
    """

    seq: int
    last_id: MessageId | None


@dataclass(frozen=True, slots=True)
class Committed:
    """The entry is durable."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The stream's head is not the one expected, or its last id is not below ours: try again."""

    head: Head


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The dedupe key is known: this is the entry that was written for it."""

    message_id: MessageId
    region: Region
    seq: int
    timestamp_ms: int


CommitResult = Committed | Taken | Duplicate
