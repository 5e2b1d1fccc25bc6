"""The region's connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ..model.access import Charge
from ..model.connections import (
    BucketState,
    Connection,
    Devices,
    FrameContext,
    Online,
    OnlineInRoom,
    Silent,
    Target,
)
from ..model.draining import Drain
from ..model.identifiers import ConnectionId, Region, RoomId, UserId
from ..model.rooms import LargeRoom


class ConnectionStore(Protocol):
    """The region's connections, and which of them joined which room."""

    def put(self, connection: Connection) -> None: ...

    def get(self, connection_id: ConnectionId) -> Connection | None:
        """None if unknown or disconnected."""

    def live(self, connection_ids: Sequence[ConnectionId]) -> dict[ConnectionId, Connection]:
        """Those of these connections that are open (strongly consistent)."""

    def disconnect(self, connection_id: ConnectionId, now_ms: int) -> Connection | None:
        """Mark disconnected; None if it already was (idempotent: one caller wins)."""

    def renew(
        self, connection_id: ConnectionId, expires_at_s: int, roles: Sequence[str], due_ms: int
    ) -> bool:
        """Store a new token's expiry and roles, and `due_ms`; False if it is not connected."""

    def touch(self, connection_id: ConnectionId, now_ms: int, due_ms: int) -> None:
        """Set last_ping, and `due_ms`, if it is connected; never recreates a deleted item."""

    def look_later(self, connection_id: ConnectionId, due_ms: int) -> None:
        """Set `due_ms` if it is connected."""

    def of_user(self, user_id: UserId) -> list[Connection]:
        """The user's open connections (an index: eventually consistent)."""

    def devices(self, user_id: UserId) -> Devices:
        """Counted over the same index; connections that ended are kept for an hour."""

    def index_all(self, now_ms: int) -> None:
        """Put the connections that an earlier version stored into the index of buckets."""

    def in_bucket(self, bucket: int) -> Iterator[Connection]:
        """The open connections of a bucket's users (an index: eventually consistent)."""

    def due(self, buckets: Sequence[int], now_ms: int) -> Iterator[Connection]:
        """Those that the sweep has to look at, bucket by bucket (an index: eventually consistent).

        A new connection is due at once.
        """

    def join(self, room_id: RoomId, target: Target) -> bool:
        """Add to the room's joined connections and to the connection's rooms.

        False if it was in both before, or the connection has ended.
        """

    def leave(self, room_id: RoomId, target: Target) -> bool:
        """Remove from both; False if it was in neither."""

    def joined(self, room_id: RoomId) -> list[Target]: ...


class Drains(Protocol):
    """The region's drain, and the turns of buckets in it. Only this region reads and writes it."""

    def get(self) -> Drain | None:
        """The drain that is under way. Strongly consistent."""

    def start(self, now_ms: int, over_ms: int) -> Drain:
        """Start a drain, or change the time of the one that is under way (atomic)."""

    def stop(self) -> None:
        """End the drain, if one is under way."""

    def take_turn(self, drain: Drain, bucket: int, now_ms: int, next_ms: int) -> bool:
        """Take a bucket's turn; its next one is due at `next_ms`.

        False, and no change, if the turn is not due or another drain is under way (atomic).
        """


class Registry(Protocol):
    """Who is connected, in Redis: the devices of each user.

    Users are in buckets (`ids.user_bucket`). A bucket is complete (warm) or not (cold), by itself.
    """

    def register(self, connection: Connection) -> int:
        """Add it, and return how many connections the user has in this region now (atomic).

        Of a cold bucket, this is how many are known.
        """

    def restore(self, connections: Sequence[Connection], heard_ms: int = 0) -> Sequence[Connection]:
        """Add connections that were lost, all in one round trip.

        Args:
            heard_ms: The sign of life to note for those of which none is known here, unless the
                one in the store is later.

        Returns:
            Those that were missing in a warm bucket: readers took them for absent.
        """

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

    def refresh(self, targets: Sequence[Target], heard_ms: int = 0) -> list[Target]:
        """Extend the expiry of these connections; return those that were missing.

        Args:
            heard_ms: The sign of life to note for those of which none is known here.
        """

    def beat(
        self, connection_ids: Sequence[ConnectionId], now_ms: int, every_ms: int
    ) -> dict[ConnectionId, int | None]:
        """Note signs of life of sockets with a heartbeat, which extend the connections' expiry.

        Returns those to be stored.

        Each has the end of its token (s), None if the connection is missing. A sign of life is to
        be stored when the last one stored is `every_ms` old, or unknown (atomic).
        """

    def note(self, target: Target, heard_ms: int, stored: bool) -> bool:
        """Note a sign of life of a connection without a heartbeat, and extend its expiry.

        An earlier one changes nothing. A connection that is not registered is not added.

        Args:
            stored: The store has this sign of life as well.

        Returns:
            False if the connection is missing, or a part of it.
        """

    def silent(
        self, buckets: Sequence[int], heard_ms: int, asked_ms: int, most: int
    ) -> list[list[Silent]]:
        """Connections without a heartbeat of which nothing was noted after `heard_ms`, by bucket.

        Those that were asked after `asked_ms` are left out. None of a cold bucket are returned.

        Args:
            most: As many of a bucket are returned at most, the longest silent ones first.
        """

    def note_asked(self, targets: Sequence[Target], heard_ms: int, asked_ms: int) -> None:
        """Note that these connections, all of one bucket, were asked whether they are there.

        Nothing is noted for those that were heard after `heard_ms`. The next sign of life erases
        it. So does the loss of the bucket's mark: what was lost may have been an answer.
        """

    def heard_ms(self, target: Target) -> int | None:
        """The last sign of life noted; None if it may have been lost, as the bucket is cold."""

    def online(self, users: Sequence[UserId]) -> Online:
        """The connections of these users (at most 10,000 per call)."""

    def online_in(self, room: LargeRoom) -> OnlineInRoom:
        """The connections of a large room's members, at the cost of those who are connected."""

    def begin(self, bucket: int) -> str:
        """Return the bucket's epoch: what is lost from now on ends it."""

    def vouch(self, bucket: int, epoch: str) -> bool:
        """Mark the bucket as complete (warm): its absent users are offline.

        Call it after everything of the bucket was registered. False, and nothing is marked, if
        the bucket was emptied since `begin`, or its node lost its place to a replica. Either also
        ends the mark later. The mark holds for 180 s: longer than two sweeps.
        """

    def keep_warm(self) -> list[BucketState]:
        """Let the marks of all warm buckets hold for another 180 s; return the state of all."""

    def held(self, bucket: int, cursor: str) -> tuple[list[Target], str]:
        """A page of the bucket's connections, and the cursor of the next page; "" for the first
        page and after the last one. What is registered all the time is in one of the pages.
        """


class FrameContexts(Protocol):
    """What handling a frame needs, read in one round trip."""

    def owner(self, connection_id: ConnectionId) -> UserId | None:
        """Whose connection it is; None if it is not cached."""

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        turn_region: Region | None,
        charge: Charge | None = None,
    ) -> FrameContext:
        """Read what a frame needs, and extend the connection's expiry.

        With a room, makes its membership version if there is none.

        With a `charge`, takes its tokens from the payer's bucket. With a `turn_region`, draws a
        turn of that stream: takes a token of the room's rate, and then the stream's lease if it is
        free. The turn has the room's members if they are cached and the room is not large.
        """
