"""Who is typing."""

from __future__ import annotations

from typing import Protocol

from ..model.identifiers import RoomId, UserId


class TypingState(Protocol):
    """Which users are typing in which rooms, and since when."""

    def typing(self, room_id: RoomId, user_id: UserId, started_ms: int | None) -> None:
        """Store the newest typing_start; with None, remove it."""

    def typing_since(self, room_id: RoomId, user_id: UserId) -> int | None: ...
