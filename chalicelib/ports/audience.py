"""The connections that have joined a room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..model.connections import Target
from ..model.identifiers import RoomId


class Audience(Protocol):
    """Which connections have joined a room, for ephemeral events."""

    def join(self, room_id: RoomId, target: Target) -> bool:
        """True if it is the user's first joined connection in the room (atomic)."""

    def leave(self, room_id: RoomId, target: Target) -> bool:
        """True if it was the user's last joined connection in the room (atomic)."""

    def joined(self, room_id: RoomId) -> list[Target] | None:
        """None if not cached; then read the store and call `fill_joined`."""

    def fill_joined(self, room_id: RoomId, targets: Iterable[Target]) -> None:
        """Add targets read from the store to the cached ones."""
