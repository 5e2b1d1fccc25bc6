"""The sweep, every minute: find connections that ended unnoticed, and restore what Redis lost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from ..jobs.outbound import ReviveHeartbeat
from ..kernel import telemetry
from ..kernel.errors import CacheDown
from ..model.connections import Connection, Target
from ..model.delivery import Outcome, Post
from ..ports.connections import ConnectionStore, Registry
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.system import Clock, TrafficCounts
from .expiry import TokenExpiry
from .presence_jobs import PresenceJobs
from .registry import Connections
from .restoring import Restorer

STALE_AFTER_MS = 240_000
FRESH_MS = 120_000  # two sweeps: the presence job of so young a connection may be missing
_BATCH = 500


class Sweep:
    def __init__(
        self,
        *,
        store: ConnectionStore,
        registry: Registry,
        counts: TrafficCounts,
        restorer: Restorer,
        connections: Connections,
        expiry: TokenExpiry,
        presence_jobs: PresenceJobs,
        outbound: Queue,
        poster: Poster,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._counts = counts
        self._restorer = restorer
        self._connections = connections
        self._expiry = expiry
        self._presence_jobs = presence_jobs
        self._outbound = outbound
        self._poster = poster
        self._clock = clock

    def run(
        self, ping: Callable[[Target], bytes | None], warning: Callable[[Connection], bytes]
    ) -> dict[str, int]:
        """Ping stale connections, end dead ones, restore what Redis lost.

        Args:
            ping: Returns the frame for a stale connection. None for a session with a heartbeat,
                which is then restarted if it has stopped.
            warning: Returns the frame for a connection whose token expires within two minutes.
                It is sent once or twice. The connection is closed 25 s after the token expired.

        Returns:
            Counts by outcome.
        """
        counts = {"seen": 0, "pinged": 0, "gone": 0, "restored": 0, "expiring": 0}
        everyone = self._store.scan()
        while batch := list(islice(everyone, _BATCH)):
            counts["seen"] += len(batch)
            counts["restored"] += self._restore(batch)
            self._ping_stale(batch, ping, counts)
            counts["expiring"] += self._expiry.warn(batch, warning)
            self._settle_again(batch)
        try:
            self._registry.set_warm(True)
            self._counts.note_connections(counts["seen"] - counts["gone"])
        except CacheDown:
            telemetry.log("WARNING", "sweep_without_cache")
        return counts

    def _restore(self, batch: list[Connection]) -> int:
        """Put connections that are missing in Redis back, and return how many they were."""
        restored = 0
        try:
            missing = set(self._registry.refresh([c.target for c in batch]))
            lost = [connection for connection in batch if connection.target in missing]
            restored = len(self._restorer.put_back(lost))
        except CacheDown:
            telemetry.log("WARNING", "sweep_without_cache")
        return restored

    def _settle_again(self, batch: list[Connection]) -> None:
        """Queue presence jobs of young connections: a handshake may have died before it did so."""
        fresh_ms = self._clock.now_ms() - FRESH_MS
        fresh = {c.user_id: None for c in batch if c.connected_at_ms > fresh_ms}
        self._presence_jobs.settle(fresh)

    def _ping_stale(
        self,
        batch: list[Connection],
        ping: Callable[[Target], bytes | None],
        counts: dict[str, int],
    ) -> None:
        now_ms = self._clock.now_ms()
        stale = [c.target for c in batch if now_ms - c.last_ping_ms > STALE_AFTER_MS]
        frames = {target: ping(target) for target in stale}
        posts = [Post(target, frame) for target, frame in frames.items() if frame is not None]
        beating = [target for target, frame in frames.items() if frame is None]
        self._outbound.send([ReviveHeartbeat(target=target) for target in beating])
        for post, outcome in zip(posts, self._poster.post(posts), strict=True):
            target = post.target
            if outcome is Outcome.DELIVERED:
                self._store.touch(target.connection_id, now_ms)
                counts["pinged"] += 1
            elif outcome is Outcome.GONE and self._connections.gone(target):
                counts["gone"] += 1
