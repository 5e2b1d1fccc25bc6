"""Events that clients get: one class each, with the fields of the event's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..kernel import ids, times
from ..model.identifiers import MessageId, RoomId, UserId
from ..model.log import Entry, EntryKind
from ..model.presence import Status
from ..model.rooms import RoomType
from . import positions
from .messages import Message
from .shapes import OPTIONAL, Shape


class Event(Shape):
    """Base of all events.

    Attributes:
        name: The event's name on the wire.
    """

    __slots__ = ()
    name: ClassVar[str]

    @property
    def ack_id(self) -> int | None:
        """The number of the ack that is asked for, if any; only for protocols that have acks."""
        return None


@dataclass(frozen=True, slots=True)
class MessageReceived(Message, Event):
    """A new message in a room: for all devices of all members, except the one that sent it."""

    name: ClassVar[str] = "message_received"


@dataclass(frozen=True, slots=True)
class MomentPosted(Message, Event):
    """A new moment: for the devices of its owner and of the owner's friends."""

    name: ClassVar[str] = "moment_posted"


@dataclass(frozen=True, slots=True)
class NotificationPosted(Message, Event):
    """A new notification: for the devices of the user who gets it."""

    name: ClassVar[str] = "notification"


@dataclass(frozen=True, slots=True)
class MessageDeleted(Event):
    """A message was deleted: for all devices of all members, except the one that deleted it.

    Attributes:
        message_id: The deleted message.
        position: The position of the deletion alone. Keep it only if it is the next after yours.
    """

    name: ClassVar[str] = "message_deleted"
    message_id: MessageId | None
    conversation_id: RoomId
    deleted_by: UserId
    timestamp: str
    position: str


@dataclass(frozen=True, slots=True)
class MessageRead(Event):
    """A room was read up to a message: for the senders, and for the reader's other devices.

    In rooms of over 100 members, senders get counts instead of an event for each reader.

    Attributes:
        message_id: Everything up to this message was read.
        reader_id: The user who read it; null in a count.
        read_at: When it was read.
        read_count: How many users have read the message; only in a count.
    """

    name: ClassVar[str] = "message_read"
    message_id: MessageId
    reader_id: UserId | None
    conversation_id: RoomId
    read_at: str
    read_count: int | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class DeliveryReceipt(Event):
    """Asks a Socket.IO device to ack that a message reached it, because the sender wants a receipt.

    It is a separate event, because a client with connection state recovery does not keep the
    offset of an event that asks for an ack. JSON clients send `message_delivered` instead.

    Attributes:
        message_id: The message that arrived before this event.
    """

    name: ClassVar[str] = "delivery_receipt"
    conversation_id: RoomId
    message_id: MessageId

    @property
    def ack_id(self) -> int:
        return ids.ack_id(self.conversation_id, self.message_id)


@dataclass(frozen=True, slots=True)
class MessageDelivered(Event):
    """A message reached a user's first device: for the sender who asked for a delivery receipt.

    Attributes:
        user_id: The user whom the message reached.
        delivered_at: When the device confirmed it.
    """

    name: ClassVar[str] = "message_delivered"
    message_id: MessageId
    conversation_id: RoomId
    user_id: UserId
    delivered_at: str


@dataclass(frozen=True, slots=True)
class Typing(Event):
    """A user started or stopped typing: for devices that joined the room, except the user's own.

    Attributes:
        is_typing: False when the user stopped. This event follows 6 s after a start at the latest.
    """

    name: ClassVar[str] = "typing"
    conversation_id: RoomId
    user_id: UserId
    is_typing: bool
    timestamp: str


@dataclass(frozen=True, slots=True)
class UserJoined(Event):
    """A user opened the room on their first device: for devices that joined the room."""

    name: ClassVar[str] = "user_joined"
    user_id: UserId
    room_id: RoomId
    timestamp: str


@dataclass(frozen=True, slots=True)
class UserLeft(Event):
    """A user closed the room on their last device: for devices that joined the room."""

    name: ClassVar[str] = "user_left"
    user_id: UserId
    room_id: RoomId
    timestamp: str


@dataclass(frozen=True, slots=True)
class RoomUpdated(Event):
    """A room was created or its membership changed: for all devices of its members.

    A removed member gets the event too.

    Attributes:
        change: `created`, `member_added` or `member_removed`.
        user_id: The user who created the room, or whose membership changed.
    """

    name: ClassVar[str] = "room_updated"
    room_id: RoomId
    change: str
    user_id: UserId
    timestamp: str


@dataclass(frozen=True, slots=True)
class RoomInvitation(Event):
    """The user is invited to a room: for all their devices. `GET /v1/invitations` lists them.

    Attributes:
        invited_by: The user who invites.
        timestamp: When the invitation was made; it holds for 30 days.
    """

    name: ClassVar[str] = "room_invitation"
    room_id: RoomId
    invited_by: UserId
    timestamp: str


@dataclass(frozen=True, slots=True)
class FriendStatusUpdate(Event):
    """A friend's presence changed: for all devices of the user's friends.

    Attributes:
        user_id: The friend.
        status: `online`, `away` or `offline`.
        timestamp: Increases with each change of a user's status. Drop an event that is older than
            the last one.
    """

    name: ClassVar[str] = "friend_status_update"
    user_id: UserId
    status: Status
    timestamp: str


@dataclass(frozen=True, slots=True)
class TokenExpiring(Event):
    """The connection's token expires within two minutes: send `refresh_token`.

    Attributes:
        expires_at: When the token expires; the connection is closed 25 s later.
    """

    name: ClassVar[str] = "token_expiring"
    expires_at: str


@dataclass(frozen=True, slots=True)
class Reconnect(Event):
    """The server closes this connection now: connect again after `after_ms`.

    It is sent when the server closes on its own account. It may be lost, so a close without it
    means the same.

    Attributes:
        reason: `slow` (the connection did not take its messages), `behind` (it may have missed
            messages), `silent` (nothing was received from it), `token_expired`, `too_old` (it
            nears API Gateway's limit of two hours), `disconnected` (an administrator ended it),
            `draining` (the region is to have no clients) or `rate_limited` (too many of the user's
            frames were refused).
        after_ms: How long to wait before the next connection.
        endpoint: Where to connect, if not to the same URL: the WebSocket URL of another region.
            Socket.IO clients use its host. If that fails, ask `GET /v1/endpoint`.
    """

    name: ClassVar[str] = "reconnect"
    reason: str
    after_ms: int
    endpoint: str | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class SessionStarted(Event):
    """Brings a Socket.IO socket that can recover its first offset.

    Attributes:
        recovered: The socket was recovered. The events that it missed came before this one.
    """

    name: ClassVar[str] = "session"
    recovered: bool


@dataclass(frozen=True, slots=True)
class Ping(Event):
    """Sent to a JSON connection that has sent nothing for over 240 s.

    Answer with any frame, such as the action `ping`. After 60 s without one, the connection is
    closed.
    """

    name: ClassVar[str] = "ping"
    server_time: str


EVENTS: Mapping[str, type[Event]] = {
    each.name: each
    for each in (
        MessageReceived,
        MomentPosted,
        NotificationPosted,
        MessageDeleted,
        MessageRead,
        DeliveryReceipt,
        MessageDelivered,
        Typing,
        UserJoined,
        UserLeft,
        RoomUpdated,
        RoomInvitation,
        FriendStatusUpdate,
        TokenExpiring,
        Reconnect,
        SessionStarted,
        Ping,
    )
}
_OF_ROOMS: Mapping[RoomType, type[MessageReceived | MomentPosted | NotificationPosted]] = {
    RoomType.MOMENTS: MomentPosted,
    RoomType.NOTIFICATIONS: NotificationPosted,
}


def of_message(room_id: RoomId) -> type[MessageReceived | MomentPosted | NotificationPosted]:
    """Return the class of the events that carry this room's messages."""
    return _OF_ROOMS.get(ids.room_type(room_id), MessageReceived)


def of_entry(entry: Entry) -> Event:
    """Return the event that carries a log entry."""
    if entry.kind is EntryKind.MESSAGE:
        return of_message(entry.room_id).of(entry)
    return MessageDeleted(
        message_id=entry.target_id,
        conversation_id=entry.room_id,
        deleted_by=entry.sender_id,
        timestamp=times.iso(entry.timestamp_ms),
        position=positions.of(entry),
    )


def of_data(name: str, data: Mapping[str, Any]) -> Event:
    """Return the event with this name and data.

    Raises:
        KeyError: This version does not know the event.
        TypeError: A field is missing.
    """
    event: Event = EVENTS[name].of_data(data)
    return event
