"""The region's connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..model.access import Charge
from ..model.connections import Connection, Devices, FrameContext, Target
from ..model.identifiers import ConnectionId, Region, RoomId, UserId


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


class Registry(Protocol):
    """Who is connected, in Redis: the devices of each user."""

    def register(self, connection: Connection) -> bool:
        """Known from now on. True when it is the user's first connection here (atomic)."""

    def unregister(self, target: Target, now_ms: int) -> bool:
        """Forget it. True when it was the user's last connection here (atomic)."""

    def move(self, old: Target, new: Connection) -> None:
        """The same device under another id: who asks sees one of the two (atomic)."""

    def devices(self, user_id: UserId) -> Devices | None:
        """The user's connections here; None while cold.

        When the last one ended is known for 300 s.
        """

    def refresh(self, targets: Sequence[Target]) -> list[Target]:
        """Extend the expiry of these connections' entries; answers those it did not hold."""

    def online(self, users: Sequence[UserId]) -> dict[UserId, list[Target]] | None:
        """Connections of those online (at most 1,000 users a call); None while cold."""

    def set_warm(self, warm: bool) -> None:
        """The registry is complete (or not): an absent user is offline (or unknown).

        Holds for 180 s: shorter than what it vouches for, longer than two sweeps.
        """


class FrameContexts(Protocol):
    """What a frame needs to be served, read in one round trip."""

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        ticket_region: Region | None,
        charge: Charge | None = None,
    ) -> FrameContext:
        """What a frame needs, refreshing the connection's expiry; draws a ticket if a region."""
