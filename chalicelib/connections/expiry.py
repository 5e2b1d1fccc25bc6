"""Tokens that expire during a connection: renew the token, warn the client, close.

Each token of a connection has a chain of delayed jobs. Its last job warns the client two minutes
before the end, or at once, and queues the closing. The sweep does the same for a chain that broke.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .. import wire
from ..contract.events import TokenExpiring
from ..jobs.outbound import ExpireConnection, WatchExpiry
from ..kernel import times
from ..kernel.errors import PermissionDenied, Unauthorized
from ..model.access import Identity
from ..model.connections import Connection
from ..model.delivery import Outcome, Post
from ..ports.connections import ConnectionStore
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.system import Clock
from . import lifetime
from .closing import Reason
from .registry import NOT_CONNECTED, Connections

WARN_ATTEMPTS, WARN_AGAIN_S = 4, 1


class TokenExpiry:
    def __init__(
        self,
        store: ConnectionStore,
        connections: Connections,
        poster: Poster,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._store = store
        self._connections = connections
        self._poster = poster
        self._outbound = outbound
        self._clock = clock

    def renew(self, connection: Connection, identity: Identity) -> None:
        """Continue under a newer token of the same user.

        The job that watches its expiry is queued before the write.

        Raises:
            PermissionDenied: The token belongs to another user.
            Unauthorized: The connection has ended in the meantime.
        """
        if identity.user_id != connection.user_id:
            raise PermissionDenied("the token belongs to another user")
        end, roles = identity.expires_at_s, identity.roles
        renewed = replace(connection, expires_at_s=end, roles=roles)
        self._connections.watch(renewed)
        due_ms = lifetime.due_ms(end, connection.last_ping_ms)
        if not self._store.renew(connection.connection_id, end, roles, due_ms):
            raise Unauthorized(NOT_CONNECTED)
        self._connections.renewed(renewed)

    def watch(self, job: WatchExpiry, attempt: int) -> int | None:
        """Warn the client if the token expires soon, and queue the closing; else wait on.

        Returns:
            The seconds until the next attempt, if the client did not take the warning.
        """
        connection = self._store.get(job.connection_id)
        if connection is None or connection.expires_at_s != job.expires_at_s:
            return None
        now_ms = self._clock.now_ms()
        if not lifetime.expires_soon(connection.expires_at_s, now_ms):
            self._connections.watch(connection)
            return None
        if not lifetime.expired(connection, now_ms) and attempt <= WARN_ATTEMPTS:
            [outcome] = self._poster.post([Post(connection.target, warning(connection))])
            if outcome is Outcome.GONE and self._connections.gone(connection.target):
                return None
            if outcome is not Outcome.DELIVERED:
                return WARN_AGAIN_S  # too slow, or a websocket that is not open yet
        self._outbound.send([lifetime.expiry_job(connection, now_ms)])
        return None

    def expire(self, job: ExpireConnection) -> None:
        """Close a connection whose grace time is over, unless its token was renewed."""
        connection = self._store.get(job.connection_id)
        if connection is None or not lifetime.expired(connection, self._clock.now_ms()):
            return
        self._connections.end(connection.target, Reason.TOKEN_EXPIRED)

    def warn(
        self, connections: Sequence[Connection], warning: Callable[[Connection], bytes]
    ) -> int:
        """Warn clients whose tokens expire soon, and queue the closing of their connections.

        A connection that cannot be warned is closed all the same; its client reconnects with a
        new token.

        Returns:
            How many clients were warned.
        """
        now_ms = self._clock.now_ms()
        ending = [each for each in connections if lifetime.expires_soon(each.expires_at_s, now_ms)]
        for connection in ending:
            self._outbound.send([lifetime.expiry_job(connection, now_ms)])
        warned = [each for each in ending if not lifetime.expired(each, now_ms)]
        self._poster.post([Post(each.target, warning(each)) for each in warned])
        return len(warned)


def warning(connection: Connection) -> bytes:
    """Return the frame that warns a client of its token's expiry."""
    event = TokenExpiring(times.iso(connection.expires_at_s * 1000))
    frame = wire.encode(connection.target.protocol, event)
    assert frame is not None, "every protocol carries token_expiring"
    return frame
