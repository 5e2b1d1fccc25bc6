"""Which connections have a room open and so get its ephemeral events; in the store and Redis."""

from __future__ import annotations

from ..kernel import telemetry
from ..kernel.errors import CacheDown
from ..model.connections import Connection, Target
from ..model.identifiers import RoomId
from ..ports.audience import Audience
from ..ports.connections import ConnectionStore


class RoomViews:
    def __init__(self, store: ConnectionStore, audience: Audience) -> None:
        self._store = store
        self._audience = audience

    def open(self, room_id: RoomId, connection: Connection) -> bool:
        """Open the room on a connection. True when it is the user's first device in the room."""
        self._store.join(room_id, connection.target)
        try:
            return self._audience.join(room_id, connection.target)
        except CacheDown:
            return True

    def close(self, room_id: RoomId, target: Target) -> bool:
        """Close the room on a connection. True when it was the user's last device in the room."""
        self._store.leave(room_id, target)
        try:
            return self._audience.leave(room_id, target)
        except CacheDown:
            return all(other.user_id != target.user_id for other in self._store.joined(room_id))

    def audience(self, room_id: RoomId) -> list[Target]:
        """Return the connections that have the room open."""
        try:
            targets = self._audience.joined(room_id)
            if targets is not None:
                return targets
        except CacheDown:
            return self._store.joined(room_id)
        targets = self._store.joined(room_id)
        try:
            self._audience.fill_joined(room_id, targets)
        except CacheDown:
            telemetry.log("WARNING", "cache_fill_failed", room_id=room_id)
        return targets
