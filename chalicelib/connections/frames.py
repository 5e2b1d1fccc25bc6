"""Which connection a frame comes from, and whether its user's rate limit allows it.

The user is charged from a connection's first frame on. In the first frame of a connection in a
process, the user is not known yet: then one more round trip to the cache, before the frame's own,
reads who it is.
"""

from __future__ import annotations

from dataclasses import replace

from ..kernel import telemetry
from ..kernel.errors import CacheDown, NotConnected, TokenFault, Unauthorized
from ..model.access import Charge
from ..model.connections import Connection, FrameContext
from ..model.identifiers import ConnectionId, Region, RoomId, UserId
from ..model.lines import Turn
from ..ports.connections import ConnectionStore, FrameContexts
from ..ports.lines import Lines
from ..ports.system import Clock
from . import lifetime
from .registry import NOT_CONNECTED, Connections

_USERS_KNOWN = 10_000


class Frames:
    def __init__(
        self,
        store: ConnectionStore,
        contexts: FrameContexts,
        lines: Lines,
        connections: Connections,
        clock: Clock,
    ) -> None:
        self._store = store
        self._contexts = contexts
        self._lines = lines
        self._connections = connections
        self._clock = clock
        # The user of a connection never changes while it lives.
        self._users: dict[ConnectionId, UserId] = {}

    def authenticate(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        turn_region: Region | None,
        charge: Charge,
    ) -> FrameContext:
        """Return all that serving a frame needs, in one round trip to the cache.

        A connection that is not in the cache is read from the store.

        Raises:
            NotConnected: The connection is unknown.
            Unauthorized: Its token expired over 25 s ago.
        """
        restored = False
        try:
            payer = self._users.get(connection_id)
            if payer is None:
                payer, restored = self._owner(connection_id)
            own = replace(charge, payer=payer)
            frame = self._contexts.frame(connection_id, room_id, turn_region, own)
        except CacheDown:
            telemetry.measure("limits_open", charge.now_ms, limits_open=1)
            return FrameContext(self._stored(connection_id, None), from_store=True)
        # A token that is expired in the cache may have been renewed while the cache was away. Who
        # is refused for the rate is not worth that read.
        known = frame.connection
        if known is None or (not frame.paid.wait_ms and self._expired(known)):
            frame = self._put_back(frame, self._stored(connection_id, known))
        return replace(frame, from_store=True) if restored else frame

    def give_up_turn(self, room_id: RoomId, region: Region, turn: Turn, refund: bool) -> None:
        """Give up a failed frame's turn, so that no writer waits for it; refund a refused one's."""
        try:
            self._lines.give_up_turn((room_id, region), turn, refund)
        except CacheDown:
            telemetry.log("WARNING", "turn_not_given_up", room_id=room_id)

    def _owner(self, connection_id: ConnectionId) -> tuple[UserId, bool]:
        """Return whose connection it is: 1 Redis trip. If Redis does not know it, put it back.

        Returns:
            The user, and whether it was put back.
        """
        user_id = self._contexts.owner(connection_id)
        restored = user_id is None
        if user_id is None:
            connection = self._stored(connection_id, None)
            if not self._connections.put_back([connection]):
                raise NotConnected(NOT_CONNECTED)
            user_id = connection.user_id
        if len(self._users) >= _USERS_KNOWN:
            self._users.clear()
        self._users[connection_id] = user_id
        return user_id, restored

    def _expired(self, connection: Connection) -> bool:
        return lifetime.expired(connection, self._clock.now_ms())

    def _stored(self, connection_id: ConnectionId, cached: Connection | None) -> Connection:
        """Return the connection from the store."""
        connection = self._store.get(connection_id)
        if connection is None and cached is None:
            raise NotConnected(NOT_CONNECTED)
        if connection is None or self._expired(connection):
            raise Unauthorized(
                "the token has expired, connect again with a new one", TokenFault.EXPIRED
            )
        return connection

    def _put_back(self, frame: FrameContext, connection: Connection) -> FrameContext:
        """Put a connection that the cache does not know into the cache and the frame."""
        still_open = self._connections.put_back([connection])
        if not still_open:
            raise NotConnected(NOT_CONNECTED)
        return replace(frame, connection=still_open[0], from_store=True)
