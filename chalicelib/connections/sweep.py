"""The sweep, every minute: find connections that ended unnoticed, and restore what Redis lost.

It works bucket by bucket and costs what is stale, not what is connected. JSON clients that are
silent are found in Redis (`silence`), everything else by an index of the store. What it cannot do
in its time it leaves to jobs, one for each bucket. It needs no record of how far it came: a
connection that was looked at is not due for a while, and a bucket that was filled is warm.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice

from ..jobs.outbound import SweepBucket
from ..jobs.sessions import ReviveHeartbeat
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown
from ..model.connections import STALE_MS, BucketState, Connection
from ..ports.connections import ConnectionStore, Registry
from ..ports.queues import Queue
from ..ports.system import Clock, Parallel, TrafficCounts
from . import lifetime
from .expiry import TokenExpiry
from .presence_jobs import PresenceJobs
from .registry import Connections
from .restoring import BATCH, Restorer
from .silence import Asked, Ping, Silence

FRESH_MS = 120_000  # two sweeps: the presence job of so young a connection may be missing
RUN_MS = 20_000  # then the buckets that are left get jobs
COUNTS = ("seen", "pinged", "gone", "restored", "expiring")

ExpiryWarning = Callable[[Connection], bytes]


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
        silence: Silence,
        presence_jobs: PresenceJobs,
        outbound: Queue,
        parallel: Parallel,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._counts = counts
        self._restorer = restorer
        self._connections = connections
        self._expiry = expiry
        self._silence = silence
        self._presence_jobs = presence_jobs
        self._outbound = outbound
        self._parallel = parallel
        self._clock = clock

    def run(self, ping: Ping, warning: ExpiryWarning) -> dict[str, int]:
        """Ping stale connections, end dead ones, restore what Redis lost.

        Args:
            ping: Returns the frame for a stale connection. None for a session with a heartbeat,
                which is then restarted if it has stopped.
            warning: Returns the frame for a connection whose token expires within two minutes.
                It is sent once or twice. The connection is closed 25 s after the token expired.

        Returns:
            Counts by outcome; `left` is the number of buckets left to jobs.
        """
        self._store.index_all(self._clock.now_ms())
        counts = dict.fromkeys(COUNTS, 0)
        left = self._sweep(self._states(), ping, warning, counts)
        self._outbound.send([SweepBucket(bucket=bucket) for bucket in sorted(left)])
        return {**counts, "left": len(left)}

    def bucket(self, job: SweepBucket, ping: Ping, warning: ExpiryWarning) -> None:
        """Sweep a bucket that the scheduled sweep had no time for."""
        counts = dict.fromkeys(COUNTS, 0)
        states = [state for state in self._states() if state.number == job.bucket]
        left = self._sweep(states, ping, warning, counts)
        telemetry.log("INFO", "bucket_swept", bucket=job.bucket, left=len(left), **counts)

    def _states(self) -> list[BucketState]:
        """The state of all buckets; warm ones stay warm. Without Redis, there is none to fill."""
        try:
            states = self._registry.keep_warm()
            if all(state.warm for state in states):
                self._counts.note_connections(sum(state.connections for state in states))
            return states
        except CacheDown:
            telemetry.log("WARNING", "sweep_without_cache")
            return [BucketState(number, True, 0) for number in range(ids.BUCKETS)]

    def _sweep(
        self, states: list[BucketState], ping: Ping, warning: ExpiryWarning, counts: dict[str, int]
    ) -> set[int]:
        """Fill cold buckets and look at what is due; return the buckets left when time is over."""
        until_ms, left = self._clock.now_ms() + RUN_MS, set()
        for state in states:
            if not state.warm and self._clock.now_ms() >= until_ms:
                left.add(state.number)
            elif not state.warm:
                counts["restored"] += self._restored(partial(self._restorer.fill, state.number))
        buckets = [state.number for state in states]
        left |= self._ask_silent(buckets, until_ms, ping, counts)
        everyone = self._store.due(buckets, self._clock.now_ms())
        while batch := list(islice(everyone, BATCH)):
            self._look_at(batch, ping, warning, counts)
            if len(batch) == BATCH and self._clock.now_ms() >= until_ms:
                last = ids.user_bucket(batch[-1].user_id)
                return left | set(buckets[buckets.index(last) :])
        return left

    def _ask_silent(
        self, buckets: list[int], until_ms: int, ping: Ping, counts: dict[str, int]
    ) -> set[int]:
        """Ask who is silent by what Redis knows; return the buckets left when time is over."""
        try:
            asked = self._silence.look(buckets, until_ms, ping)
        except CacheDown:
            telemetry.log("WARNING", "sweep_without_cache")
            return set()
        _count(counts, asked)
        return set(asked.left)

    def _look_at(
        self, batch: list[Connection], ping: Ping, warning: ExpiryWarning, counts: dict[str, int]
    ) -> None:
        counts["seen"] += len(batch)
        counts["restored"] += self._restored(partial(self._restorer.refresh, batch))
        self._ping_stale(batch, ping, counts)
        counts["expiring"] += self._expiry.warn(batch, warning)
        self._settle_again(batch)

    def _restored(self, restore: Callable[[], int]) -> int:
        """Restore what Redis lost and return how much; 0 while Redis is away."""
        try:
            return restore()
        except CacheDown:
            telemetry.log("WARNING", "sweep_without_cache")
            return 0

    def _settle_again(self, batch: list[Connection]) -> None:
        """Queue presence jobs of young connections: a handshake may have died before it did so."""
        fresh_ms = self._clock.now_ms() - FRESH_MS
        fresh = {c.user_id: None for c in batch if c.connected_at_ms > fresh_ms}
        self._presence_jobs.settle(fresh)

    def _ping_stale(self, batch: list[Connection], ping: Ping, counts: dict[str, int]) -> None:
        """Ping stale connections, and set when each is to be looked at again.

        Young connections, those whose token expires soon, and those that could not be asked are
        looked at by the next sweep.
        """
        now_ms = self._clock.now_ms()
        silent, stopped = list[Connection](), list[Connection]()
        due: list[tuple[Connection, int]] = []
        for each in batch:
            if now_ms - each.last_ping_ms > lifetime.STORED_STALE_MS:
                (stopped if each.target.has_heartbeat else silent).append(each)
            elif now_ms - each.connected_at_ms > FRESH_MS:
                due.append((each, lifetime.due_ms(each.expires_at_s, each.last_ping_ms)))
        self._outbound.send([ReviveHeartbeat(target=each.target) for each in stopped])
        asked = self._silence.ask([each.target for each in silent], ping)
        _count(counts, asked)
        answering = set(asked.targets)
        waiting = [each for each in silent if each.target in answering]
        due += [
            (each, lifetime.due_ms(each.expires_at_s, now_ms, STALE_MS))
            for each in [*stopped, *waiting]
        ]
        self._parallel.run(
            [
                partial(self._store.look_later, each.connection_id, due_ms)
                for each, due_ms in due
                if due_ms > now_ms
            ]
        )


def _count(counts: dict[str, int], asked: Asked) -> None:
    counts["pinged"] += len(asked.targets)
    counts["gone"] += asked.gone
