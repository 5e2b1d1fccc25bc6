"""The region's connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..model.access import Charge
from ..model.connections import Connection, Devices, FrameContext, Target
from ..model.identifiers import ConnectionId, Region, RoomId, UserId


class ConnectionStore(Protocol):
    """The region's connections, and which of them joined which room."""

    def put(self, connection: Connection) -> None: ...

    def get(self, connection_id: ConnectionId) -> Connection | None:
        """None if unknown or disconnected."""

    def live(self, connection_ids: Sequence[ConnectionId]) -> dict[ConnectionId, Connection]:
        """Those of these connections that are open (strongly consistent)."""

    def disconnect(self, connection_id: ConnectionId, now_ms: int) -> Connection | None:
        """Mark disconnected; None if it already was (idempotent: one caller wins)."""

    def renew(self, connection_id: ConnectionId, expires_at_s: int, roles: Sequence[str]) -> bool:
        """Store a new token's expiry and roles; False if it is not connected."""

    def touch(self, connection_id: ConnectionId, now_ms: int) -> None:
        """Set last_ping if it is connected; never recreates a deleted item."""

    def of_user(self, user_id: UserId) -> list[Connection]:
        """The user's open connections (an index: eventually consistent)."""

    def devices(self, user_id: UserId) -> Devices:
        """Counted over the same index; connections that ended are kept for an hour."""

    def scan(self) -> Iterator[Connection]:
        """Every open connection, for the sweep."""

    def join(self, room_id: RoomId, target: Target) -> None:
        """Add to the room's joined connections and to the connection's rooms."""

    def leave(self, room_id: RoomId, target: Target) -> None: ...

    def joined(self, room_id: RoomId) -> list[Target]: ...


class Registry(Protocol):
    """Who is connected, in Redis: the devices of each user."""

    def register(self, connection: Connection) -> bool:
        """Add it. True if it is the user's first connection in this region (atomic)."""

    def restore(self, connections: Sequence[Connection]) -> None:
        """Add connections that were lost, all in one round trip."""

    def renew(self, connection: Connection) -> None:
        """Replace the expiry and the roles of a connection; never recreates an ended one."""

    def unregister(self, target: Target, now_ms: int) -> bool:
        """Remove it. True if it was the user's last connection in this region (atomic)."""

    def move(self, old: Target, new: Connection) -> None:
        """Replace a device's id after an upgrade; readers see one of the two (atomic)."""

    def devices(self, user_id: UserId) -> Devices | None:
        """The user's connections in this region; None while cold.

        The end of the last one is kept for 300 s.
        """

    def refresh(self, targets: Sequence[Target]) -> list[Target]:
        """Extend the expiry of these connections; return those that were missing."""

    def online(self, users: Sequence[UserId]) -> dict[UserId, list[Target]] | None:
        """The connections of those online (at most 1,000 users per call); None while cold."""

    def set_warm(self, warm: bool) -> None:
        """Mark the registry as complete or not. If complete (warm), absent users are offline.

        The mark holds for 180 s: longer than two sweeps, and shorter than the entries' lifetime.
        """


class FrameContexts(Protocol):
    """What handling a frame needs, read in one round trip."""

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        ticket_region: Region | None,
        charge: Charge | None = None,
    ) -> FrameContext:
        """Read what a frame needs, and extend the connection's expiry.

        With a `ticket_region`, draws a ticket of that stream; with a `charge`, takes a token.
        """
