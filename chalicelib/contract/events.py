"""Domain events out: what happened, as name and data of CONTRACT.md. No protocol, no socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..kernel import ids, times
from ..model.identifiers import MessageId, RoomId, UserId
from ..model.log import Entry, EntryKind
from ..model.presence import Status
from ..model.rooms import RoomType
from . import positions

_NAMES = {RoomType.MOMENTS: "moment_posted", RoomType.NOTIFICATIONS: "notification"}


@dataclass(frozen=True, slots=True)
class Event:
    """
    Attributes:
        ack_id: The receiver is asked for an ack with this number, where its protocol has acks.
    """

    name: str
    data: dict[str, Any]
    ack_id: int | None = None


def message_view(entry: Entry, is_read: bool = False) -> dict[str, Any]:
    """A message as clients see it, in events, history and sync alike."""
    return {
        "message_id": entry.message_id,
        "conversation_id": entry.room_id,
        "sender_id": entry.sender_id,
        "message_type": entry.message_type,
        "content": None if entry.deleted else entry.content,
        "reply_to_message_id": entry.reply_to_message_id,
        "timestamp": times.iso(entry.timestamp_ms),
        "is_read": is_read,
        "is_deleted": entry.deleted,
        "client_message_id": entry.client_message_id,
        "delivery_receipt": entry.delivery_receipt,
        "position": positions.of(entry),
    }


def name_of_messages(room_id: RoomId) -> str:
    """The name of the event that tells of a message in this room."""
    return _NAMES.get(ids.room_type(room_id), "message_received")


def of_entry(entry: Entry) -> Event:
    """The event that tells a room's devices of a log entry."""
    if entry.kind is EntryKind.MESSAGE:
        return Event(name_of_messages(entry.room_id), message_view(entry))
    data = {
        "message_id": entry.target_id,
        "conversation_id": entry.room_id,
        "deleted_by": entry.sender_id,
        "timestamp": times.iso(entry.timestamp_ms),
        "position": positions.of(entry),
    }
    return Event("message_deleted", data)


def message_read(
    room_id: RoomId,
    message_id: MessageId,
    reader: UserId | None,
    at_ms: int,
    count: int | None = None,
) -> Event:
    """One reader, or in a large room None and how many."""
    data = {
        "message_id": message_id,
        "reader_id": reader,
        "conversation_id": room_id,
        "read_at": times.iso(at_ms),
    }
    return Event("message_read", data if count is None else {**data, "read_count": count})


def delivery_receipt(entry: Entry) -> Event:
    """Asks who can ack whether the message reached him."""
    data = {"conversation_id": entry.room_id, "message_id": entry.message_id}
    return Event("delivery_receipt", data, ids.ack_id(entry.room_id, entry.message_id))


def message_delivered(room_id: RoomId, message_id: MessageId, user_id: UserId, at_ms: int) -> Event:
    data = {
        "message_id": message_id,
        "conversation_id": room_id,
        "user_id": user_id,
        "delivered_at": times.iso(at_ms),
    }
    return Event("message_delivered", data)


def typing(room_id: RoomId, user_id: UserId, is_typing: bool, at_ms: int) -> Event:
    data = {
        "conversation_id": room_id,
        "user_id": user_id,
        "is_typing": is_typing,
        "timestamp": times.iso(at_ms),
    }
    return Event("typing", data)


def presence_in_room(name: str, room_id: RoomId, user_id: UserId, at_ms: int) -> Event:
    """`user_joined` or `user_left`."""
    return Event(name, {"user_id": user_id, "room_id": room_id, "timestamp": times.iso(at_ms)})


def room_updated(room_id: RoomId, change: str, user_id: UserId, at_ms: int) -> Event:
    data = {"room_id": room_id, "change": change, "user_id": user_id, "timestamp": times.iso(at_ms)}
    return Event("room_updated", data)


def friend_status_update(user_id: UserId, status: Status, at_ms: int) -> Event:
    """`timestamp` grows with each change of a user's: an older one came late."""
    data = {"user_id": user_id, "status": status, "timestamp": times.iso(at_ms)}
    return Event("friend_status_update", data)


def token_expiring(expires_at_s: int) -> Event:
    return Event("token_expiring", {"expires_at": times.iso(expires_at_s * 1000)})


def session(recovered: bool) -> Event:
    """The first event of a socket that can recover: it brings the offset to come back with."""
    return Event("session", {"recovered": recovered})


def ping(at_ms: int) -> Event:
    """The sweep's question to a silent connection; any post that arrives is the answer."""
    return Event("ping", {"server_time": times.iso(at_ms)})
