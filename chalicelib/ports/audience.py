"""Who has a room open on a device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..model.connections import Target
from ..model.identifiers import RoomId


class Audience(Protocol):
    """Which connections have a room open, for ephemeral events."""

    def join(self, room_id: RoomId, target: Target) -> bool:
        """True when it is the user's first joined connection in the room (atomic)."""

    def leave(self, room_id: RoomId, target: Target) -> bool:
        """True when it was the user's last joined connection in the room (atomic)."""

    def joined(self, room_id: RoomId) -> list[Target] | None:
        """None when not cached (then `fill_joined`)."""

    def fill_joined(self, room_id: RoomId, targets: Iterable[Target]) -> None:
        """Merge targets read from the store."""
