"""A room's log: entries, heads, and the results of an append."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .identifiers import ConnectionId, MessageId, Region, RoomId, UserId


class EntryKind(StrEnum):
    """The kind of a log entry: a message, or the deletion of an earlier one."""

    MESSAGE = "message"
    DELETION = "deletion"


class Durability(StrEnum):
    """Where an entry is kept when its writer gets the ack, the least first.

    REGIONAL: in the region that wrote it. Other regions get it by replication.
    GLOBAL: in a second region, too, which delivers it whatever becomes of the first.
    """

    REGIONAL = "regional"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a room's log, in the stream (room_id, region), contiguous from seq 1.

    Within a stream, message ids and seqs have the same order. Across streams, message ids give
    the canonical order of the room.

    Attributes:
        target_id: For a deletion, the message that it deletes.
        deleted: Whether the message was deleted; then its content is gone.
        origin_id: The `Target.origin` of the sender: it gets the ack, and no event.
        delivery_receipt: Whether the sender asked for delivery receipts.
        kept: Whether a region with a spare wrote the item, as replication had not brought it. That
            is the later write, so a deletion that was written before it must be marked again.
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
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a region has another region's stream beyond what was replicated.

    Attributes:
        seq, last_id: The newest entry that it kept from a spare.
        passed: It waits for no missing entry up to this seq.
    """

    seq: int = 0
    last_id: MessageId | None = None
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a stream; `Head(0, "")` if the stream is empty.

    Attributes:
        last_id: Its message_id; None if only the seq is known (a guess from the cache).
        tail: Whose messages the newest entries are, by seq: see `kernel.tails`. Without those of
            earlier versions.
        reach: Of the streams of other regions, what this one's region has kept from spares.
        passed: Nobody waits for a missing entry up to this seq.
    """

    seq: int
    last_id: MessageId | None
    tail: Mapping[int, int] = field(default_factory=dict, compare=False, repr=False)
    reach: Mapping[Region, Reach] = field(default_factory=dict, compare=False, repr=False)
    passed: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Committed:
    """The entry was written and is durable."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The head is not the expected one, or its id is not below the entry's. Try with `head`."""

    head: Head


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The dedupe key was used before: this is the entry that was written with it."""

    message_id: MessageId
    region: Region
    seq: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Copy:
    """An entry that is a second copy of a message: a resend went to another region.

    Attributes:
        of_id, of_region: The first copy, which readers show. It has the lower id, and may itself
            be a copy.
    """

    room_id: RoomId
    message_id: MessageId
    region: Region
    seq: int
    of_id: MessageId
    of_region: Region


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a replica has of other regions' writes to a room.

    Attributes:
        heads: The heads of their streams.
        first: The entries that were written with dedupe keys.
    """

    heads: Mapping[Region, Head]
    first: Mapping[str, Duplicate]


@dataclass(frozen=True, slots=True)
class Refused:
    """Some entries of a batch cannot be written, so none was. Try again without them.

    Attributes:
        by: Their numbers in the batch: with the entry that used the dedupe key before, or None
            if the target of a deletion does not exist.
        head: The true head, if the expected one was wrong, too.
    """

    by: Mapping[int, Duplicate | None]
    head: Head | None = None


CommitResult = Committed | Taken | Duplicate
BatchResult = Committed | Taken | Refused


def check_contiguous(entries: Sequence[Entry], previous: Head) -> None:
    """Raise `ValueError` unless the seqs go on from the head's."""
    if [entry.seq for entry in entries] != [previous.seq + n + 1 for n in range(len(entries))]:
        raise ValueError("the first entry's seq must be previous.seq + 1, and so on")
