"""Tokens that expire while their connection lives: renewal, warning, and the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..jobs.outbound import ExpireConnection
from ..kernel.errors import PermissionDenied, Unauthorized
from ..model.access import Identity
from ..model.connections import Connection
from ..model.delivery import Post
from ..ports.connections import ConnectionStore
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.system import Clock
from . import lifetime
from .registry import Connections


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

        Raises:
            PermissionDenied: The token is another user's.
            Unauthorized: The connection has ended meanwhile.
        """
        if identity.user_id != connection.user_id:
            raise PermissionDenied("the token is another user's")
        end, roles = identity.expires_at_s, identity.roles
        if not self._store.renew(connection.connection_id, end, roles):
            raise Unauthorized("this connection is not known (any more)")
        self._connections.register(replace(connection, expires_at_s=end, roles=roles))

    def expire(self, job: ExpireConnection) -> None:
        """Close a connection whose grace time is over; one whose token was renewed stays."""
        connection = self._store.get(job.connection_id)
        if connection is None or not lifetime.expired(connection, self._clock.now_ms()):
            return
        self._poster.close(connection.target)
        self._connections.close(connection.connection_id)

    def warn(
        self, connections: Sequence[Connection], warning: Callable[[Connection], bytes]
    ) -> int:
        """Warn those whose tokens expire soon, and queue their end; returns how many were warned.

        A connection that cannot be warned is closed all the same: its client comes back with a
        new token.
        """
        now_ms = self._clock.now_ms()
        ending = [each for each in connections if lifetime.expires_soon(each.expires_at_s, now_ms)]
        for connection in ending:
            self._outbound.send([lifetime.expiry_job(connection, now_ms)])
        warned = [each for each in ending if not lifetime.expired(each, now_ms)]
        self._poster.post([Post(each.target, warning(each)) for each in warned])
        return len(warned)
