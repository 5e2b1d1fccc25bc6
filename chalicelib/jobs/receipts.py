"""Jobs of the outbound queue that tell senders how far their messages came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..model.identifiers import ConnectionId, MessageId, RoomId, UserId
from ..model.receipts import Seen
from .base import Job, OutboundJob


@dataclass(frozen=True, slots=True, kw_only=True)
class TellRead(OutboundJob):
    """Send `message_read` to the senders, and to the reader's other devices.

    Attributes:
        after: The message of the previous read marker; "" for none.
        before: What that marker covers of each stream; None in one region.
        seen: What the marker covers now; None in one region.
        origin: The device that read; it gets no event. "" if it read in another region.
        foreign: The user read in another region, whose marker has been replicated.
        silent: Only the reader's own devices are told.
    """

    kind: ClassVar[str] = "read"
    room_id: RoomId
    user_id: UserId
    message_id: MessageId
    after: str
    at_ms: int
    origin: ConnectionId
    before: Seen | None = None
    seen: Seen | None = None
    foreign: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TellDelivered(OutboundJob):
    """Send a sender `message_delivered`: the message reached a user's first device.

    Attributes:
        only_elsewhere: The sender's devices in this region have the event, but the topic that
            brings it to the others did not answer.
    """

    kind: ClassVar[str] = "delivered"
    room_id: RoomId
    message_id: MessageId
    sender_id: UserId
    user_id: UserId
    at_ms: int
    only_elsewhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TellReadCounts(OutboundJob):
    """Send the latest senders of a large room how many have read their newest messages."""

    kind: ClassVar[str] = "read_counts"
    room_id: RoomId


KINDS: tuple[type[Job], ...] = (TellRead, TellDelivered, TellReadCounts)
