"""Jobs of the outbound queue: what can be done in any order, now or after a delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..contract.events import Event
from ..model.connections import Target
from ..model.identifiers import ConnectionId, MessageId, RoomId, UserId
from .base import Job, Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundJob(Job):
    """Base of this queue's kinds."""

    queue: ClassVar[Queued] = Queued.OUTBOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryEvent(OutboundJob):
    """Post an event that is in no log to a connection that did not take it.

    Attributes:
        event: Sent as `name` and `data`.
        attempt: How many retries came before, from 0.
    """

    kind: ClassVar[str] = "retry"
    event: Event
    target: Target
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingJob(OutboundJob):
    """What both kinds for typing carry.

    Attributes:
        origin: The device that types and gets no event.
        at_ms: When the frame came.
    """

    room_id: RoomId
    user_id: UserId
    origin: ConnectionId
    is_typing: bool
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TellTyping(TypingJob):
    """Post a start or a stop of typing, unless something newer came or it is late."""

    kind: ClassVar[str] = "typing"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTyping(TypingJob):
    """End a typing whose stop never came."""

    kind: ClassVar[str] = "typing_expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class TellRoomView(OutboundJob):
    """Post `user_joined` or `user_left` to those who have the room open.

    Attributes:
        name: Which of the two events.
        origin: The device that joined or left and gets no event.
    """

    kind: ClassVar[str] = "room_view"
    name: str
    room_id: RoomId
    user_id: UserId
    origin: ConnectionId
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveRooms(OutboundJob):
    """Take a connection that ended out of the rooms it had joined, and tell the others."""

    kind: ClassVar[str] = "left"
    target: Target
    rooms: tuple[RoomId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterConnection(OutboundJob):
    """Put a connection into the cache, which was away when it opened."""

    kind: ClassVar[str] = "register"
    connection_id: ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireConnection(OutboundJob):
    """Close a connection whose token has expired, unless it was renewed."""

    kind: ClassVar[str] = "expire"
    connection_id: ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectUser(OutboundJob):
    """Close a user's connections that were open at that time.

    Attributes:
        at_ms: Connections opened later stay.
    """

    kind: ClassVar[str] = "disconnect"
    user_id: UserId
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPresence(OutboundJob):
    """Queue the comparison of a user's presence after a wait."""

    kind: ClassVar[str] = "presence_due"
    user_id: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class FriendshipChanged(OutboundJob):
    """Invalidate what two users see of each other, and show each the other's presence."""

    kind: ClassVar[str] = "friends_changed"
    user_id: UserId
    friend_id: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidateMembership(OutboundJob):
    """Invalidate the cached membership of rooms once more: the cache was away.

    Attributes:
        user_id: Whose open views end where they are no member; None for nobody's.
    """

    kind: ClassVar[str] = "void"
    rooms: tuple[RoomId, ...]
    user_id: UserId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellRead(OutboundJob):
    """Tell the senders, and the reader's other devices, that a room was read.

    Attributes:
        after: The read marker before; "" for none.
        origin: The device that read and gets no event.
    """

    kind: ClassVar[str] = "read"
    room_id: RoomId
    user_id: UserId
    message_id: MessageId
    after: str
    at_ms: int
    origin: ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class TellDelivered(OutboundJob):
    """Tell a sender that a message reached a user's first device."""

    kind: ClassVar[str] = "delivered"
    room_id: RoomId
    message_id: MessageId
    sender_id: UserId
    user_id: UserId
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TellReadCounts(OutboundJob):
    """Tell the latest senders of a large room how many have read."""

    kind: ClassVar[str] = "read_counts"
    room_id: RoomId


@dataclass(frozen=True, slots=True, kw_only=True)
class GreetSession(OutboundJob):
    """Post the open packet of an Engine.IO websocket and begin its heartbeat."""

    kind: ClassVar[str] = "engine_open"
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseSession(OutboundJob):
    """Close a websocket whose handshake had to be let through."""

    kind: ClassVar[str] = "engine_refuse"
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishUpgrade(OutboundJob):
    """Finish an upgrade whose process died."""

    kind: ClassVar[str] = "engine_upgrade"
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(OutboundJob):
    """One step of an Engine.IO session's heartbeat.

    Attributes:
        ping_ms: The ping this step follows; the step does nothing after another one.
        due_ms: When it is due.
    """

    kind: ClassVar[str] = "heartbeat"
    target: Target
    ping_ms: int
    due_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviveHeartbeat(OutboundJob):
    """Begin the heartbeat of a silent session anew if it stopped."""

    kind: ClassVar[str] = "revive"
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWithoutNamespace(OutboundJob):
    """End a Socket.IO session that has connected to no namespace in time."""

    kind: ClassVar[str] = "connect_timeout"
    target: Target


KINDS: tuple[type[Job], ...] = (
    RetryEvent,
    TellTyping,
    EndTyping,
    TellRoomView,
    LeaveRooms,
    RegisterConnection,
    ExpireConnection,
    DisconnectUser,
    CheckPresence,
    FriendshipChanged,
    InvalidateMembership,
    TellRead,
    TellDelivered,
    TellReadCounts,
    GreetSession,
    RefuseSession,
    FinishUpgrade,
    Heartbeat,
    ReviveHeartbeat,
    EndWithoutNamespace,
)
