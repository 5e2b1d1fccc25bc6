"""Who is typing."""

from __future__ import annotations

from typing import Protocol

from ..model.identifiers import RoomId, UserId


class TypingState(Protocol):
    """Who types in which room since when."""

    def typing(self, room_id: RoomId, user_id: UserId, started_ms: int | None) -> None:
        """Remember (or with None forget) the newest typing_start."""

    def typing_since(self, room_id: RoomId, user_id: UserId) -> int | None: ...
