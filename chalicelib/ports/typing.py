"""Who is typing, and who has rooms open in other regions."""

from __future__ import annotations

from typing import Protocol

from ..model.identifiers import RoomId, UserId


class TypingState(Protocol):
    """Which users are typing in which rooms, and since when."""

    def typing(self, room_id: RoomId, user_id: UserId, started_ms: int | None) -> None:
        """Store the newest typing_start; with None, remove it."""

    def typing_since(self, room_id: RoomId, user_id: UserId) -> int | None: ...

    def newest_view(self, room_id: RoomId, user_id: UserId, at_ms: int) -> bool:
        """Store when another region's user opened or closed the room; it is kept for an hour.

        False if a later time is stored, which stays (atomic).
        """
