"""A device's connection, and what the cache knows about it when a frame arrives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .access import PAID, Paid
from .identifiers import ConnectionId, Region, RoomId, UserId
from .lines import Turn
from .rooms import Role

POLLING = "polling"
STALE_MS = 240_000  # a connection that was silent for so long is asked whether it is still there


@dataclass(frozen=True, slots=True)
class Target:
    """What a post to a connection needs, stored with the connection.

    API id and stage are stored, never derived from a domain name.

    Attributes:
        connection_id: For a Socket.IO namespace other than "/", it ends with the namespace
            (`ids.socket_id`).
        protocol: The encoder of its frames: `json`, or `sio:` and the namespace (`sio+:` if
            frames carry offsets).
        connected_at_ms: When `$connect` ran. A 410 soon after means "not yet connected", a later
            one "gone".
        sid: For a Socket.IO namespace, the id that its client knows. Upgrade and recovery keep it.
        takes_arrays: A client of the JSON protocol takes several events in one frame.
    """

    connection_id: ConnectionId
    user_id: UserId
    api_id: str
    stage: str
    region: Region
    protocol: str
    connected_at_ms: int
    sid: str = ""
    takes_arrays: bool = False

    @property
    def origin(self) -> ConnectionId:
        """The device's id, so that it does not get its own events; an upgrade keeps it."""
        return ConnectionId(self.sid) if self.sid else self.connection_id

    @property
    def polls(self) -> bool:
        """Whether it is a polling session: frames wait in a write buffer for the next poll."""
        return self.api_id == POLLING

    @property
    def has_heartbeat(self) -> bool:
        """Whether a heartbeat finds out that its client is silent; only JSON clients have none."""
        return self.protocol != "json"


@dataclass(frozen=True, slots=True)
class Connection:
    """One device's connection.

    Attributes:
        last_ping_ms: The last sign of life in the store; the cache has newer ones.
        expires_at_s: When its token expires, seconds since the epoch.
        roles: The token's roles (`service`, `admin`).
        rooms: The rooms it has joined, for ephemeral events.
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
    """How many connections a user has, and when the last one ended (None: unknown)."""

    connected: int
    left_ms: int | None


@dataclass(frozen=True, slots=True)
class Viewers:
    """What the cache knows of the connections that have joined a room, read in one round trip.

    Attributes:
        targets: None if they are not cached.
        members: Those of their users who are members; None if the room's members are not cached.
        as_of: What `ports.Audience.fill_joined` has to be given.
    """

    targets: tuple[Target, ...] | None
    members: frozenset[UserId] | None
    as_of: str


@dataclass(frozen=True, slots=True)
class Online:
    """What the registry knows of the users it was asked for.

    Attributes:
        targets: The connections of those who are online.
        unknown: Users who may have connections that the registry lacks.
        held: Connections of these users that it has. Some may have ended.
    """

    targets: Sequence[Target]
    unknown: Sequence[UserId] = ()
    held: Sequence[Target] = ()


@dataclass(frozen=True, slots=True)
class OnlineInRoom:
    """What the registry knows of those who are connected in a large room.

    Attributes:
        targets: The connections of members who are online.
        cold: Buckets that are not complete: their members may be online as well.
        unfilled: Whether the room's members are not cached in some other bucket.
    """

    targets: Sequence[Target]
    cold: Sequence[int] = ()
    unfilled: bool = False


@dataclass(frozen=True, slots=True)
class BucketState:
    """Whether the registry is complete for a bucket of users (warm), and how many it holds."""

    number: int
    warm: bool
    connections: int


@dataclass(frozen=True, slots=True)
class Silent:
    """A connection of which nothing has been received for a while.

    Attributes:
        asked_ms: When its client was asked whether it is there; None if it was not.
    """

    target: Target
    asked_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FrameContext:
    """What the cache knows when a frame arrives, read in one round trip.

    Attributes:
        connection: None if it is not cached.
        role: The user's role in the room of the frame, as granted or as cached with the members;
            None if the cache does not know it.
        version: The room's membership version; None without a room, or without the cache.
        turn: The turn to write to the room's stream; None if none was requested.
        paid: What became of the charge.
        noted_ms: When a sign of life of the connection was last noted; 0 if that is unknown.
        from_store: The connection was not cached, so the cache may lack its user's revocation, too.
    """

    connection: Connection | None
    role: Role | None = None
    version: str | None = None
    turn: Turn | None = None
    paid: Paid = PAID
    noted_ms: int = 0
    from_store: bool = False
