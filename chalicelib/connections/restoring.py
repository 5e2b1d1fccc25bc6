"""Puts connections that are in the store back into Redis, without bringing ended ones back.

What was read from the store may have ended before it is written to Redis. So it is written first
and then compared with the store: a connection that ends before the comparison is removed here, one
that ends later finds itself in Redis and removes itself. If this process dies in between, a job
that was queued before compares the user's connections.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.connections import Connection
from ..ports.connections import ConnectionStore, Registry
from ..ports.queues import Queue
from ..ports.system import Clock
from .lifetime import GRACE_MS, check_presence


class Restorer:
    def __init__(
        self, store: ConnectionStore, registry: Registry, outbound: Queue, clock: Clock
    ) -> None:
        self._store = store
        self._registry = registry
        self._outbound = outbound
        self._clock = clock

    def put_back(self, connections: Sequence[Connection]) -> list[Connection]:
        """Register connections that were read from the store; return those still open.

        Raises:
            CacheDown: Not all were registered.
        """
        if not connections:
            return []
        users = {connection.user_id: None for connection in connections}
        self._outbound.send([check_presence(user_id, GRACE_MS) for user_id in users])
        self._registry.restore(connections)
        stored = self._store.live([connection.connection_id for connection in connections])
        open_ = []
        for connection in connections:
            current = stored.get(connection.connection_id)
            if current is None:
                self._registry.unregister(connection.target, self._clock.now_ms())
                continue
            if (current.expires_at_s, current.roles) != (connection.expires_at_s, connection.roles):
                self._registry.renew(current)
            open_.append(current)
        return open_
