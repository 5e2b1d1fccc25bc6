"""Who is typing, and who has rooms open in other regions."""

from __future__ import annotations

from typing import Protocol

from ..model.identifiers import RoomId, UserId


class TypingState(Protocol):
    """Which users are typing in which rooms, and since when."""

    def start_typing(self, room_id: RoomId, user_id: UserId, at_ms: int, again_ms: int) -> bool:
        """Store the newest start (atomic). It is forgotten after 30 s.

        Returns:
            Whether to tell others: not if it is older than the newest one, or if they were told of
            one less than `again_ms` before.
        """

    def stop_typing(self, room_id: RoomId, user_id: UserId, at_ms: int) -> bool:
        """Remove the newest start; False if there is none until `at_ms` (atomic)."""

    def newest_view(self, room_id: RoomId, user_id: UserId, at_ms: int) -> bool:
        """Store when another region's user opened or closed the room; it is kept for an hour.

        False if a later time is stored, which stays (atomic).
        """
