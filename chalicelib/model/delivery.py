"""How far a stream has been delivered, and posts with their outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .connections import Target
from .identifiers import ConnectionId, MessageId, UserId
from .rooms import LargeRoom, Role

_BEFORE_ALL = MessageId("")


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream has been delivered in a region.

    Attributes:
        seq: The seq of the last entry delivered, 0 for none; `message_id` is its id.
        split_at_ms: When the stream was last delivered in parts, 0 for never.
        behind: Slow connections (by `Target.origin`) that get this stream through an order group
            of their own, each with the seq of the last entry queued there.
    """

    seq: int = 0
    message_id: MessageId = _BEFORE_ALL
    split_at_ms: int = 0
    behind: Mapping[ConnectionId, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivering:
    """What the cache knows when a delivery to a room begins, read in one round trip.

    Attributes:
        version: The room's membership version; None if it is not cached.
        members: None if they are not cached.
    """

    version: str | None
    members: Mapping[UserId, Role] | LargeRoom | None


class Outcome(StrEnum):
    """The outcome of a post to a connection.

    Attributes:
        UNSENT: Not posted: the region's budget of posts is used up.
        BUSY: Refused together with many others: the account's request quota is used up.
        THROTTLED: Refused alone: the client reads too slowly.
    """

    DELIVERED = "delivered"
    GONE = "gone"
    UNSENT = "unsent"
    BUSY = "busy"
    THROTTLED = "throttled"
    TOO_LARGE = "too_large"
    FAILED = "failed"

    @property
    def refused(self) -> bool:
        """Whether the post certainly did not arrive and may succeed when repeated."""
        return self in (Outcome.UNSENT, Outcome.BUSY, Outcome.THROTTLED)


@dataclass(frozen=True, slots=True)
class Post:
    target: Target
    data: bytes
