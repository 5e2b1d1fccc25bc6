"""Jobs that a region's topic brings to the inboxes of other regions: events that no table holds.

They are handled where they arrive, by posting to the connections of that region. No worker of the
inbox publishes, so a job crosses once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..model.identifiers import MessageId, Region, RoomId, UserId
from .base import Job, Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayedJob(Job):
    """Base of the kinds of jobs in this queue.

    Attributes:
        useful_ms: A job that arrives later than this after `at_ms` is dropped.
        region: Where it happened.
        at_ms: When it happened, by that region's clock.
    """

    queue: ClassVar[Queued] = Queued.INBOX
    useful_ms: ClassVar[int]
    region: Region
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTyping(RelayedJob):
    """Post another region's start or stop of typing, unless it is late or a newer one came."""

    kind: ClassVar[str] = "relay_typing"
    useful_ms: ClassVar[int] = 10_000
    room_id: RoomId
    user_id: UserId
    is_typing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayRoomView(RelayedJob):
    """Post another region's `user_joined` or `user_left`, unless a newer one came.

    A view lasts, so its end matters as long as anybody may still see it.

    Attributes:
        name: The name of the event, one of the two.
    """

    kind: ClassVar[str] = "relay_room_view"
    useful_ms: ClassVar[int] = 3_600_000
    name: str
    room_id: RoomId
    user_id: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayDelivered(RelayedJob):
    """Send a sender `message_delivered`: the message reached a user in another region first."""

    kind: ClassVar[str] = "relay_delivered"
    useful_ms: ClassVar[int] = 86_400_000
    room_id: RoomId
    message_id: MessageId
    sender_id: UserId
    user_id: UserId


KINDS: tuple[type[Job], ...] = (RelayTyping, RelayRoomView, RelayDelivered)
