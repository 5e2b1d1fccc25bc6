"""Jobs of the outbound queue: work that can be done in any order, at once or after a delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..contract.events import Event
from ..model.connections import Target
from ..model.identifiers import ConnectionId, RoomId, UserId
from .base import Job, OutboundJob


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryEvent(OutboundJob):
    """Post an event that is in no log to a connection that did not take it.

    Attributes:
        event: In JSON it is `name` and `data`.
        attempt: The number of retries before this one.
    """

    kind: ClassVar[str] = "retry"
    event: Event
    target: Target
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingJob(OutboundJob):
    """Base of both kinds for typing.

    Attributes:
        origin: The device that types; it gets no event.
        at_ms: When the frame was received.
    """

    room_id: RoomId
    user_id: UserId
    origin: ConnectionId
    is_typing: bool
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TellTyping(TypingJob):
    """Post a start or a stop of typing, unless it is late or a newer one was posted."""

    kind: ClassVar[str] = "typing"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTyping(TypingJob):
    """End typing whose stop never came."""

    kind: ClassVar[str] = "typing_expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class TellRoomView(OutboundJob):
    """Post `user_joined` or `user_left` to the connections that have the room open.

    Attributes:
        name: The name of the event, one of the two.
        origin: The device that joined or left; it gets no event.
    """

    kind: ClassVar[str] = "room_view"
    name: str
    room_id: RoomId
    user_id: UserId
    origin: ConnectionId
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveRooms(OutboundJob):
    """Remove a connection that ended from the rooms it had joined, and send `user_left`."""

    kind: ClassVar[str] = "left"
    target: Target
    rooms: tuple[RoomId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterConnection(OutboundJob):
    """Put a connection that opened while the cache was away into the cache; see what it missed.

    Attributes:
        attempt: How often that was tried.
    """

    kind: ClassVar[str] = "register"
    connection_id: ConnectionId
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchExpiry(OutboundJob):
    """Warn a client before its token expires, and queue the closing; until then, sent again.

    Attributes:
        expires_at_s: When the token expires. After a renewal the job does nothing.
    """

    kind: ClassVar[str] = "token_expiry"
    connection_id: ConnectionId
    expires_at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireConnection(OutboundJob):
    """Close a connection whose token has expired, unless it was renewed."""

    kind: ClassVar[str] = "expire"
    connection_id: ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSilent(OutboundJob):
    """End a connection that was asked by a `ping`, unless it has sent something since.

    Attributes:
        asked_ms: A frame noted later than this shows that its client is there.
    """

    kind: ClassVar[str] = "silent"
    connection_id: ConnectionId
    asked_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectUser(OutboundJob):
    """Close the connections that a user had open at a given time.

    Attributes:
        at_ms: That time; connections opened later stay open.
    """

    kind: ClassVar[str] = "disconnect"
    user_id: UserId
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseConnection(OutboundJob):
    """Close a socket whose close was not confirmed, or that must not stay open.

    Attributes:
        attempt: The number of tries of earlier jobs.
    """

    kind: ClassVar[str] = "close"
    target: Target
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPresence(OutboundJob):
    """Queue an update of a user's presence after a wait."""

    kind: ClassVar[str] = "presence_due"
    user_id: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class FriendshipChanged(OutboundJob):
    """Invalidate the cached readers of two users' moments; introduce the two if they are friends.

    It is sent before the change, with a delay, and does nothing wrong without the change.
    """

    kind: ClassVar[str] = "friends_changed"
    user_id: UserId
    friend_id: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockChanged(OutboundJob):
    """Complete a block: end the friendship, and invalidate the cached private chat of the two.

    It is sent before the block is written or taken back, with a delay, and does nothing wrong
    without the change.

    Attributes:
        user_id: The user who blocks.
    """

    kind: ClassVar[str] = "block_changed"
    user_id: UserId
    other_id: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class TellInvitation(OutboundJob):
    """Tell a user that they are invited to a room, once, if the invitation waits for an answer.

    It is sent before the invitation is written, with a delay, and again when it is written.

    Attributes:
        at_ms: When the invitation was made; another one has another time.
        attempt: How often it had not been written when it was looked for.
    """

    kind: ClassVar[str] = "invitation"
    room_id: RoomId
    user_id: UserId
    invited_by: UserId
    at_ms: int
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidateMembership(OutboundJob):
    """Invalidate cached memberships again: the cache was away, or a room is about to be created.

    Attributes:
        user_id: A user whose views of these rooms are closed where they are not a member; or null.
    """

    kind: ClassVar[str] = "void"
    rooms: tuple[RoomId, ...]
    user_id: UserId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRoomChange(OutboundJob):
    """Invalidate the cached membership of a room again; announce its change if it was written.

    It is sent before the change is written, with a delay. So a writer that dies leaves nothing
    out, and a cache that came back with older data is invalidated again.

    Attributes:
        change: `created`, `member_added` or `member_removed`.
        user_id: The user who created the room, or whose membership changes.
        since_ms: When the room was created, or when the membership that is added or removed began.
        at_ms: When the change was asked for.
        announced: Whether the members get `room_updated`.
        attempt: How often the change had not been written when it was looked for.
    """

    kind: ClassVar[str] = "room_change"
    room_id: RoomId
    change: str
    user_id: UserId
    since_ms: int
    at_ms: int
    announced: bool = True
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairViews(OutboundJob):
    """Make the cached audience of rooms agree with the store, as the cache was away before."""

    kind: ClassVar[str] = "views"
    target: Target
    rooms: tuple[RoomId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookForRooms(OutboundJob):
    """Tell a device of rooms that its user joined shortly before, if the index lacked them.

    Attributes:
        at_ms: When the device was told of all its rooms.
    """

    kind: ClassVar[str] = "look_for_rooms"
    target: Target
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropGhosts(OutboundJob):
    """Remove a user's ended connections from the cache, which was away at the first try."""

    kind: ClassVar[str] = "drop_ghosts"
    user_id: UserId
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepBucket(OutboundJob):
    """Sweep a bucket of users that the scheduled sweep had no time for."""

    kind: ClassVar[str] = "sweep_bucket"
    bucket: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainBucket(OutboundJob):
    """End a few connections of a bucket of users, as the region drains; until then, sent again.

    Attributes:
        started_ms: When the drain was started. If another one is under way, nothing is done.
    """

    kind: ClassVar[str] = "drain_bucket"
    bucket: int
    started_ms: int


KINDS: tuple[type[Job], ...] = (
    RetryEvent,
    TellTyping,
    EndTyping,
    TellRoomView,
    LeaveRooms,
    RegisterConnection,
    WatchExpiry,
    ExpireConnection,
    EndSilent,
    DisconnectUser,
    CloseConnection,
    CheckPresence,
    FriendshipChanged,
    BlockChanged,
    TellInvitation,
    InvalidateMembership,
    CheckRoomChange,
    RepairViews,
    DropGhosts,
    SweepBucket,
    DrainBucket,
    LookForRooms,
)
