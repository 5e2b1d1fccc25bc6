"""The region's connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..model.connections import Connection, Devices, Target
from ..model.identifiers import ConnectionId, RoomId, UserId


class ConnectionStore(Protocol):
    """The regional connections, and which of them joined which room."""

    def put(self, connection: Connection) -> None: ...

    def get(self, connection_id: ConnectionId) -> Connection | None:
        """None when unknown or disconnected."""

    def disconnect(self, connection_id: ConnectionId, now_ms: int) -> Connection | None:
        """Mark disconnected; None when it already was (idempotent: one caller wins)."""

    def renew(self, connection_id: ConnectionId, expires_at_s: int, roles: Sequence[str]) -> bool:
        """Take on a new token's end and roles; False when it is not connected."""

    def touch(self, connection_id: ConnectionId, now_ms: int) -> None:
        """Set last_ping of a connected one; never recreates a deleted item."""

    def of_user(self, user_id: UserId) -> list[Connection]:
        """Connected ones (index: eventually consistent)."""

    def devices(self, user_id: UserId) -> Devices:
        """Counted over the same index; ended ones are remembered for an hour."""

    def scan(self) -> Iterator[Connection]:
        """Every connected one, for the sweep."""

    def join(self, room_id: RoomId, target: Target) -> None:
        """Add to the room's reverse index and to the connection's rooms."""

    def leave(self, room_id: RoomId, target: Target) -> None: ...

    def joined(self, room_id: RoomId) -> list[Target]: ...
