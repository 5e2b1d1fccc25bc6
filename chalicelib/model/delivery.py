"""How far a stream has been delivered, and posts with their outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .connections import Online, Target
from .identifiers import ConnectionId, MessageId, RoomId, UserId
from .log import Head
from .rooms import LargeRoom, Role

_BEFORE_ALL, _NOBODY = MessageId(""), UserId("")
# A room's share of the region's posts is one of so many: it has this also while others use all.
ROOM_SHARE = 10


def most_taken(taken: int, refused: int) -> bool:
    """Whether at least nine of ten posts were taken; also if there were none."""
    return refused * 10 <= taken + refused


@dataclass(frozen=True, slots=True)
class Place:
    """An entry was delivered to users up to this one, in the order of their ids."""

    seq: int
    user_id: UserId


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream, or one part of it, has been delivered in a region.

    Attributes:
        seq: The seq of the last entry delivered, 0 for none; `message_id` is its id.
        split: The last entry before the stream was split into parts; None while it is not.
        split_at_ms: When the room was last found to be large, 0 while it is not split.
        behind: Slow connections (by `Target.origin`) that get this stream through an order group
            of their own, each with the seq of the last entry queued there.
        place: How far an entry was delivered when the posts were used up.
        waiting: Of another region's stream, the highest seq that was here while an earlier entry
            was missing; 0 if none ever was.
        passed: The missing entries that the stream no longer waits for: (first seq, last seq).
        is_new: Nothing was delivered before, for certain: a cursor at 0 was not lost.
        fence: The number of the newest lease under which the item was written. Whoever holds an
            older one can write no more. A worker writes with that of its own lease, or with the
            one that it read if it has none.
    """

    seq: int = 0
    message_id: MessageId = _BEFORE_ALL
    split_at_ms: int = 0
    behind: Mapping[ConnectionId, int] = field(default_factory=dict)
    split: Head | None = None
    place: Place | None = None
    waiting: int = 0
    passed: tuple[tuple[int, int], ...] = ()
    is_new: bool = False
    fence: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to know beside the seq."""
        reached = self.place is not None and self.place.seq > self.seq
        return not (self.split or self.split_at_ms or self.behind or reached)

    def has_passed(self, seq: int) -> bool:
        """Whether the stream has gone on without this entry, which may still arrive."""
        return any(first <= seq <= last for first, last in self.passed)

    def reached(self, seq: int) -> UserId:
        """Up to which user the entry with this seq was delivered already; "" for none."""
        return self.place.user_id if self.place is not None and self.place.seq == seq else _NOBODY


def without(ranges: Sequence[tuple[int, int]], seq: int) -> tuple[tuple[int, int], ...]:
    """Take a seq out of ranges of seqs."""
    left: list[tuple[int, int]] = []
    for first, last in ranges:
        if first <= seq <= last:
            left += [part for part in ((first, seq - 1), (seq + 1, last)) if part[0] <= part[1]]
        else:
            left.append((first, last))
    return tuple(left)


@dataclass(frozen=True, slots=True)
class Lease:
    """A stream's lease: its holder delivers the stream, nobody else.

    Attributes:
        fence: Above that of every earlier holder.
        at: Where the last holder left the stream's cursor; None if that is unknown.
        plain: Whether that cursor is plain, too.
    """

    fence: int
    at: int | None = None
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """A lease to deliver the entry after the cursor, and what that needs, read with it.

    Attributes:
        version: The room's membership version; None if it is not cached.
    """

    lease: Lease
    version: str | None
    online: Online


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
        HELD: Not posted, because an earlier post to the same connection did not get through.
    """

    DELIVERED = "delivered"
    GONE = "gone"
    UNSENT = "unsent"
    BUSY = "busy"
    THROTTLED = "throttled"
    TOO_LARGE = "too_large"
    FAILED = "failed"
    HELD = "held"

    @property
    def refused(self) -> bool:
        """Whether the post certainly did not arrive and may succeed when repeated."""
        return self in (Outcome.UNSENT, Outcome.BUSY, Outcome.THROTTLED)


@dataclass(frozen=True, slots=True)
class Post:
    """A frame for a connection.

    Attributes:
        room_id: The room whose share of the region's posts it uses; None for no room's.
    """

    target: Target
    data: bytes
    room_id: RoomId | None = None
