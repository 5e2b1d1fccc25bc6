"""Puts connections that are in the store back into Redis, without bringing ended ones back.

What was read from the store may have ended before it is written to Redis. So it is written first
and then compared with the store: a connection that ends before the comparison is removed here, one
that ends later finds itself in Redis and removes itself. If this process dies in between, a job
that was queued before compares the user's connections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ..jobs.outbound import RegisterConnection
from ..kernel import telemetry
from ..model.connections import Connection, Target
from ..model.identifiers import ConnectionId
from ..ports.connections import ConnectionStore, Registry
from ..ports.queues import Queue
from ..ports.system import Clock
from .lifetime import GRACE_MS, STORED_STALE_MS, check_presence

BATCH = 500


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

        A job looks after those that deliveries did not see until now.

        Raises:
            CacheDown: Not all were registered.
        """
        if not connections:
            return []
        users = {connection.user_id: None for connection in connections}
        self._outbound.send([check_presence(user_id, GRACE_MS) for user_id in users])
        hidden = list[Connection]()
        for lost, heard_ms in self._heard(connections):
            hidden += self._registry.restore(lost, heard_ms)
        self._outbound.send([RegisterConnection(connection_id=c.connection_id) for c in hidden])
        stored = self._store.live([connection.connection_id for connection in connections])
        still_open = []
        for connection in connections:
            current = stored.get(connection.connection_id)
            if current is None:
                self._registry.unregister(connection.target, self._clock.now_ms())
                continue
            if (current.expires_at_s, current.roles) != (connection.expires_at_s, connection.roles):
                self._registry.renew(current)
            still_open.append(current)
        return still_open

    def refresh(self, connections: Sequence[Connection]) -> int:
        """Extend the expiry of connections in Redis; put back the missing and return their number.

        Raises:
            CacheDown: Not all were put back.
        """
        missing = set[Target]()
        for known, heard_ms in self._heard(connections):
            missing.update(self._registry.refresh([each.target for each in known], heard_ms))
        return len(self.put_back([each for each in connections if each.target in missing]))

    def _heard(
        self, connections: Sequence[Connection]
    ) -> Iterator[tuple[Sequence[Connection], int]]:
        """Say of connections when they were heard, if Redis has lost that: now.

        Not if nothing was stored of them for long: otherwise a client that has died would count
        as alive for as long as Redis loses it again.
        """
        now_ms = self._clock.now_ms()
        lively, quiet = list[Connection](), list[Connection]()
        for each in connections:
            stale = now_ms - each.last_ping_ms > STORED_STALE_MS
            (quiet if stale else lively).append(each)
        if lively:
            yield lively, now_ms
        if quiet:
            yield quiet, 0

    def fill(self, bucket: int) -> int:
        """Make a bucket of Redis complete, and vouch for it; return how many it had lost.

        Raises:
            CacheDown: It is not complete. What was put back until then stays.
        """
        epoch = self._registry.begin(bucket)
        restored, known = 0, set[ConnectionId]()
        everyone = iter(self._store.in_bucket(bucket))
        while batch := list(islice(everyone, BATCH)):
            known |= {connection.connection_id for connection in batch}
            restored += self.refresh(batch)
        cursor: str | None = None
        while cursor != "":
            targets, cursor = self._registry.held(bucket, cursor or "")
            self.drop_ended(each for each in targets if each.connection_id not in known)
        if not self._registry.vouch(bucket, epoch):
            telemetry.log("WARNING", "bucket_lost_again", bucket=bucket)
        return restored

    def drop_ended(self, targets: Iterable[Target]) -> None:
        """Remove connections from Redis that have ended; their presence is compared later.

        Raises:
            CacheDown: Not all were removed.
        """
        held = list(targets)
        if not held:
            return
        live = self._store.live([target.connection_id for target in held])
        ended = [target for target in held if target.connection_id not in live]
        users = {target.user_id: None for target in ended}
        self._outbound.send([check_presence(user_id, GRACE_MS) for user_id in users])
        for target in ended:
            self._registry.unregister(target, self._clock.now_ms())
