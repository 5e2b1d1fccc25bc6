"""How far a user has read a room."""

from __future__ import annotations

from dataclasses import dataclass

from .identifiers import MessageId, UserId


@dataclass(frozen=True, slots=True)
class Marker:
    """Up to where a user has read a room, and when he said so."""

    user_id: UserId
    message_id: MessageId
    read_ms: int
