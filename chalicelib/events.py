"""Domain events out: what happened, as name and data of CONTRACT.md. No protocol, no socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import positions, times
from .model import Entry, EntryKind, RoomId, UserId


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: dict[str, Any]


def message_view(entry: Entry) -> dict[str, Any]:
    """A message as clients see it, in events, history and sync alike."""
    return {
        "message_id": entry.message_id,
        "conversation_id": entry.room_id,
        "sender_id": entry.sender_id,
        "message_type": entry.message_type,
        "content": None if entry.deleted else entry.content,
        "reply_to_message_id": entry.reply_to_message_id,
        "timestamp": times.iso(entry.timestamp_ms),
        "is_read": False,
        "is_deleted": entry.deleted,
        "client_message_id": entry.client_message_id,
        "position": positions.of(entry),
    }


def of_entry(entry: Entry) -> Event:
    """The event that tells a room's devices of a log entry."""
    if entry.kind is EntryKind.MESSAGE:
        return Event("message_received", message_view(entry))
    data = {
        "message_id": entry.target_id,
        "conversation_id": entry.room_id,
        "deleted_by": entry.sender_id,
        "timestamp": times.iso(entry.timestamp_ms),
        "position": positions.of(entry),
    }
    return Event("message_deleted", data)


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


def token_expiring(expires_at_s: int) -> Event:
    return Event("token_expiring", {"expires_at": times.iso(expires_at_s * 1000)})


def ping(at_ms: int) -> Event:
    """The sweep's question to a silent connection; any post that arrives is the answer."""
    return Event("ping", {"server_time": times.iso(at_ms)})
