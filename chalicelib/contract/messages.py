"""A message as clients see it, the same in events, history, sync and feeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from ..kernel import times
from ..model.identifiers import MessageId, RoomId, UserId
from ..model.log import Entry
from . import positions
from .shapes import Shape


@dataclass(frozen=True, slots=True)
class Message(Shape):
    """One message of a conversation.

    Attributes:
        message_id: Unique; ids sort in the order of the conversation.
        message_type: The kind of content that the sender chose, such as `text`.
        content: Any JSON; null once the message is deleted.
        reply_to_message_id: The message that this one replies to, or null.
        timestamp: When the message was written.
        is_read: For the viewer's own message: somebody else has read it. For another's message:
            the viewer has read it. Always false in events.
        is_deleted: The message was deleted.
        client_message_id: The sender's own id of the message, or null.
        delivery_receipt: The sender asks devices to confirm the message (`message_delivered`).
        position: The position of this message alone. Keep it only if it is the next after yours.
    """

    message_id: MessageId
    conversation_id: RoomId
    sender_id: UserId
    message_type: str
    content: Any
    reply_to_message_id: MessageId | None
    timestamp: str
    is_read: bool
    is_deleted: bool
    client_message_id: str | None
    delivery_receipt: bool
    position: str

    @classmethod
    def of(cls, entry: Entry, is_read: bool = False) -> Self:
        """Return the message of a log entry."""
        return cls(
            message_id=entry.message_id,
            conversation_id=entry.room_id,
            sender_id=entry.sender_id,
            message_type=entry.message_type,
            content=None if entry.deleted else entry.content,
            reply_to_message_id=entry.reply_to_message_id,
            timestamp=times.iso(entry.timestamp_ms),
            is_read=is_read,
            is_deleted=entry.deleted,
            client_message_id=entry.client_message_id,
            delivery_receipt=entry.delivery_receipt,
            position=positions.of(entry),
        )
