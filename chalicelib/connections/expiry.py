"""Tokens that expire during a connection: renew the token, warn the client, close."""

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
from .registry import NOT_CONNECTED, Connections


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
            PermissionDenied: The token belongs to another user.
            Unauthorized: The connection has ended in the meantime.
        """
        if identity.user_id != connection.user_id:
            raise PermissionDenied("the token belongs to another user")
        end, roles = identity.expires_at_s, identity.roles
        due_ms = lifetime.due_ms(end, self._clock.now_ms())
        if not self._store.renew(connection.connection_id, end, roles, due_ms):
            raise Unauthorized(NOT_CONNECTED)
        self._connections.renewed(replace(connection, expires_at_s=end, roles=roles))

    def expire(self, job: ExpireConnection) -> None:
        """Close a connection whose grace time is over, unless its token was renewed."""
        connection = self._store.get(job.connection_id)
        if connection is None or not lifetime.expired(connection, self._clock.now_ms()):
            return
        self._poster.close(connection.target)
        self._connections.close(connection.connection_id)

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
