"""How far a user has read a room."""

from __future__ import annotations

from dataclasses import dataclass

from .identifiers import MessageId, UserId


@dataclass(frozen=True, slots=True)
class Marker:
    """The last message a user has read in a room, and when they marked it as read."""

    user_id: UserId
    message_id: MessageId
    read_ms: int
