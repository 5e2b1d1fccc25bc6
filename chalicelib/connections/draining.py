"""Drains the region: its clients are sent to others, no faster than those can take them.

API Gateway takes a limited number of new connections a second, and refuses the others. So each
bucket of users has a turn in every interval, all buckets one after the other, and ends a few of
its connections in it. That a turn is due is stored with the drain: a job that comes twice, late
or after another does nothing. What is left to do is what is still connected, so nothing else has
to be remembered. The sweep starts buckets whose chain of jobs has broken, or that have new
connections.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from functools import partial
from itertools import islice

from ..access.drain_switch import DrainSwitch
from ..access.routing import Router
from ..jobs.outbound import DrainBucket
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Conflict, Unavailable
from ..model.connections import Connection
from ..model.draining import Drain
from ..model.identifiers import ConnectionId
from ..ports.connections import ConnectionStore, Drains, Registry
from ..ports.queues import Queue
from ..ports.system import Clock, Parallel
from .closing import Reason
from .registry import Connections

# Until then every process of this region knows of the drain, and all others have seen that this
# region's health check fails.
FIRST_MS = 15_000
TURN_MS = 10_000
_EARLY_MS = 500  # by so much the clocks of two machines may differ without breaking a chain


@dataclass(frozen=True, slots=True)
class DrainPace:
    """How fast a bucket is drained: `most` connections in a turn, and the time between turns."""

    most: int
    turn_ms: int


def pace(per_s: int) -> DrainPace:
    """The pace at which all buckets together end `per_s` connections a second."""
    in_a_turn = per_s * TURN_MS // (1000 * ids.BUCKETS)
    if in_a_turn:
        return DrainPace(in_a_turn, TURN_MS)
    return DrainPace(1, 1000 * ids.BUCKETS // per_s)


class Draining:
    def __init__(
        self,
        *,
        drains: Drains,
        switch: DrainSwitch,
        store: ConnectionStore,
        registry: Registry,
        connections: Connections,
        router: Router,
        outbound: Queue,
        parallel: Parallel,
        clock: Clock,
        per_s: int,
    ) -> None:
        self._drains = drains
        self._switch = switch
        self._store = store
        self._registry = registry
        self._connections = connections
        self._router = router
        self._outbound = outbound
        self._parallel = parallel
        self._clock = clock
        self._pace = pace(per_s)

    def start(self, over_ms: int) -> Drain:
        """Start to drain the region; if that is under way already, change its time.

        The sweep does the rest if the process dies meanwhile.

        Raises:
            Conflict: No other region is healthy.
        """
        if not (self._switch.usable and self._router.others_are_up()):
            raise Conflict("no other region is healthy, so clients would have nowhere to go")
        drain = self._drains.start(self._clock.now_ms(), over_ms)
        telemetry.log("INFO", "drain_started", over_ms=over_ms)
        self._queue_turns(drain)
        return drain

    def stop(self) -> None:
        """Take new connections again. Who has left stays where they are. Idempotent."""
        self._drains.stop()
        telemetry.log("INFO", "drain_stopped")

    def current(self) -> Drain | None:
        """Return the drain that is under way, strongly consistent."""
        return self._drains.get()

    def left(self) -> int | None:
        """How many connections the region has; None while Redis does not know."""
        try:
            states = self._registry.keep_warm()
        except CacheDown:
            telemetry.log("WARNING", "connections_not_counted")
            return None
        return sum(each.connections for each in states) if all(s.warm for s in states) else None

    def admit(self) -> None:
        """Refuse a new connection while the region drains.

        When no other region is healthy, it is taken: a region that drains is better than none.

        Raises:
            Unavailable: The client should connect to another region.
        """
        if self._switch.current() is not None and self._router.others_are_up():
            text = "this region takes no new connections now: ask GET /v1/endpoint for another one"
            raise Unavailable(text)

    def go_on(self) -> None:
        """Queue a turn of every bucket if the region drains; one that is not due does nothing."""
        drain = self._drains.get() if self._switch.usable else None
        if drain is not None:
            self._queue_turns(drain)

    def bucket(self, job: DrainBucket) -> None:
        """End a few connections of a bucket, if its turn is due, and queue the next turn.

        Nothing is ended while no other region is healthy.
        """
        drain = self._drains.get()
        if drain is None or drain.started_ms != job.started_ms:
            return
        now_ms, turn_ms = self._clock.now_ms(), self._pace.turn_ms
        if not self._drains.take_turn(drain, job.bucket, now_ms, now_ms + turn_ms - _EARLY_MS):
            return
        chosen, any_left = self._choose(job.bucket, drain, now_ms + turn_ms)
        if not any_left:
            return
        again = DrainBucket(
            bucket=job.bucket, started_ms=job.started_ms, delay_s=math.ceil(turn_ms / 1000)
        )
        self._outbound.send([again])
        if not self._router.others_are_up():
            telemetry.log("WARNING", "drain_waits_for_a_region", bucket=job.bucket)
            return
        self._parallel.run([partial(self._move, each) for each in chosen])
        telemetry.log("INFO", "bucket_drained", bucket=job.bucket, ended=len(chosen))

    def _choose(self, bucket: int, drain: Drain, until_ms: int) -> tuple[list[Connection], bool]:
        """The connections of this turn, and whether the bucket has any.

        If the drain has a time to take, each connection has a moment in it, the same in every
        turn, and is left alone until then.
        """
        everyone = self._store.in_bucket(bucket)
        if not drain.over_ms:
            chosen = list(islice(everyone, self._pace.most))
            return chosen, bool(chosen)
        connected = list(everyone)
        share = (until_ms - drain.started_ms) / drain.over_ms
        due = [each for each in connected if _moment(each.connection_id) <= share]
        return due[: self._pace.most], bool(connected)

    def _move(self, connection: Connection) -> None:
        """Tell a client where to go, and end its connection."""
        there = self._router.elsewhere(connection.user_id)
        endpoint = there.url if there is not None else None
        self._connections.end(connection.target, Reason.DRAINING, endpoint)

    def _queue_turns(self, drain: Drain) -> None:
        """Queue a turn of every bucket, all of them spread evenly over the time between turns."""
        wait_ms = max(0, drain.started_ms + FIRST_MS - self._clock.now_ms())
        step_ms = self._pace.turn_ms / ids.BUCKETS
        self._outbound.send(
            [
                DrainBucket(
                    bucket=bucket,
                    started_ms=drain.started_ms,
                    delay_s=int((wait_ms + bucket * step_ms) // 1000),
                )
                for bucket in range(ids.BUCKETS)
            ]
        )


def _moment(connection_id: ConnectionId) -> float:
    """When a connection is to end, as a share of the drain's time from 0 to 1."""
    return zlib.crc32(connection_id.encode()) / 0xFFFFFFFF
