"""The acks of actions: one class each, with the fields of the ack's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ..model.log import Durability
from .messages import Message
from .shapes import OPTIONAL, Shape


@dataclass(frozen=True, slots=True)
class Done(Shape):
    """The action is done; there is no data."""


@dataclass(frozen=True, slots=True)
class Hello(Shape):
    """The connection's id, user and region.

    Attributes:
        region: The region that the client is connected to.
        expires_at: When the connection's token expires.
    """

    connection_id: ConnectionId
    user_id: UserId
    region: Region
    server_time: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Sent(Shape):
    """The message is in the log.

    Attributes:
        position: The position of this message alone: it does not say that you have the messages
            before it. Keep it only if it is the next after yours.
        durability: Where the message is: `regional` in this region, `global` in a second one, too,
            which delivers it even if this one is lost.
    """

    message_id: MessageId
    conversation_id: RoomId
    timestamp: str
    position: str
    durability: Durability


@dataclass(frozen=True, slots=True)
class RoomPosition(Shape):
    """The newest position of a room.

    Attributes:
        position: The newest position. Keep it only if you have none of this room.
    """

    room_id: RoomId
    position: str


@dataclass(frozen=True, slots=True)
class SyncedConversation(Shape):
    """The part of one conversation in the ack of `sync`.

    Attributes:
        messages: The messages after the given position, oldest first. Without a position, or when
            `recovered` is false, the newest messages instead.
        position: The position to keep, in any case: the next `sync` continues from here.
        recovered: `messages` is exactly what came after the given position.
        more: There is more after `position`: send `sync` again with it.
        unread: The number of messages of others after the read marker, up to 100. Exact if at most
            100 entries follow the marker.
        last_read_message_id: The message of the read marker, or null.
        error: Why the conversation could not be read; then there are no messages.
    """

    messages: Sequence[Message]
    position: str
    recovered: bool
    more: bool
    unread: int | None = field(default=None, metadata=OPTIONAL)
    last_read_message_id: MessageId | None = None
    error: Mapping[str, str | bool | int] | None = field(default=None, metadata=OPTIONAL)

    def data(self) -> dict[str, Any]:
        # By name: `super()` needs a cell that a dataclass with slots does not have.
        return {**Shape.data(self), "messages": [each.data() for each in self.messages]}


@dataclass(frozen=True, slots=True)
class Synced(Shape):
    """The ack of `sync`.

    Attributes:
        conversations: The conversations, by conversation id.
        after_room: When not null, there are more rooms: send `sync` again with it.
    """

    conversations: Mapping[RoomId, SyncedConversation]
    after_room: str | None

    def data(self) -> dict[str, Any]:
        by_room = {room_id: each.data() for room_id, each in self.conversations.items()}
        return {"conversations": by_room, "after_room": self.after_room}


@dataclass(frozen=True, slots=True)
class Refreshed(Shape):
    """The connection continues with the new token.

    Attributes:
        expires_at: When the new token expires.
    """

    expires_at: str


@dataclass(frozen=True, slots=True)
class Pong(Shape):
    """The ack of `ping`."""

    server_time: str
