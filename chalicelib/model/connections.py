"""A device's connection, and what the cache knows of it when a frame arrives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .identifiers import ConnectionId, Region, RoomId, UserId
from .rooms import Role

POLLING = "polling"


@dataclass(frozen=True, slots=True)
class Target:
    """What a post to a connection needs, stored with the connection (never derived from a domain).

    Attributes:
        connection_id: For a Socket.IO namespace other than "/" with the namespace behind it
            (`ids.socket_id`).
        protocol: Which encoder its frames take: `json`, or `sio:` and the namespace (`sio+:`
            where frames carry offsets).
        connected_at_ms: When `$connect` ran; a 410 soon after this means "not yet", later "gone".
        sid: For a Socket.IO namespace the id its client knows; upgrade and recovery keep it.
    """

    connection_id: ConnectionId
    user_id: UserId
    api_id: str
    stage: str
    region: Region
    protocol: str
    connected_at_ms: int
    sid: str = ""

    @property
    def origin(self) -> ConnectionId:
        """Who sends on it, for entries not to come back to him: the same after an upgrade."""
        return ConnectionId(self.sid) if self.sid else self.connection_id

    @property
    def polls(self) -> bool:
        """Not a websocket: its frames wait in an outbox for the next poll."""
        return self.api_id == POLLING


@dataclass(frozen=True, slots=True)
class Connection:
    """One device's connection.

    Attributes:
        expires_at_s: When its token ends, seconds since the epoch.
        roles: Roles of the token (`service`, `admin`).
        rooms: Rooms it joined, for ephemeral events.
    """

    target: Target
    device_info: Mapping[str, str]
    connected_at_ms: int
    last_ping_ms: int
    expires_at_s: int
    roles: tuple[str, ...] = ()
    rooms: tuple[RoomId, ...] = ()

    @property
    def connection_id(self) -> ConnectionId:
        return self.target.connection_id

    @property
    def user_id(self) -> UserId:
        return self.target.user_id


@dataclass(frozen=True, slots=True)
class Devices:
    """How many connections a user has, and when the last one of all ended (None: not known)."""

    connected: int
    left_ms: int | None


@dataclass(frozen=True, slots=True)
class FrameContext:
    """What the cache knows at the arrival of a frame, read in one round trip.

    Attributes:
        connection: None when the cache does not hold it.
        role: The user's role in the asked room, None when not known to be current.
        version: The room's membership version, None when the cache has none.
        ticket: A guess at the next seq of the room's stream, None when none was asked for.
        wait_ms: 0, or how long the bucket asked for has no token.
    """

    connection: Connection | None
    role: Role | None = None
    version: str | None = None
    ticket: int | None = None
    wait_ms: int = 0
