"""Asks silent JSON clients whether they are there, and ends their connections if nothing comes.

Only what a client sends shows that it is there. A post that is taken shows nothing: the sockets of
browsers and gateways stay open for a long time after their device has lost its network.

Redis has each sign of life, and finds who is silent. The store has one in a while, and finds those
of whom Redis knows nothing. Whoever says that a client was heard since it was asked is believed.
If Redis may have lost that, only a silence of which the store alone is certain ends a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..jobs.outbound import EndSilent
from ..kernel import telemetry
from ..kernel.errors import CacheDown
from ..model.connections import STALE_MS, Connection, Silent, Target
from ..model.delivery import Outcome, Post
from ..ports.connections import ConnectionStore, Registry
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.system import Clock
from .closing import Reason
from .lifetime import STORED_STALE_MS
from .registry import Connections

ANSWER_S = 60
# Who was asked by one sweep is looked at by the next one, which may come early.
LOOK_AGAIN_MS = 30_000
MOST = 1_000  # silent connections of a bucket that are read at once

Ping = Callable[[Target], bytes | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who took a `ping`, how many were gone, and in which buckets there was no time to ask."""

    targets: Sequence[Target]
    gone: int
    left: Collection[int] = ()


class Silence:
    def __init__(
        self,
        *,
        store: ConnectionStore,
        registry: Registry,
        connections: Connections,
        poster: Poster,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._connections = connections
        self._poster = poster
        self._outbound = outbound
        self._clock = clock

    def look(self, buckets: Sequence[int], until_ms: int, ping: Ping) -> Asked:
        """Ask those whom Redis knows to be silent; queue the end of those who did not answer.

        Raises:
            CacheDown: Some of those who were asked may be asked again.
        """
        targets, gone, looking = list[Target](), 0, list(buckets)
        while looking:
            now_ms, full = self._clock.now_ms(), list[int]()
            times = (now_ms - STALE_MS - 1, now_ms - LOOK_AGAIN_MS)
            found = self._registry.silent(looking, *times, MOST)
            for position, (bucket, silent) in enumerate(zip(looking, found, strict=True)):
                if not silent:
                    continue
                if position and self._clock.now_ms() >= until_ms:
                    return Asked(targets, gone, [*full, *looking[position:]])
                asked = self._ask_silent(silent, now_ms, ping)
                targets += asked.targets
                gone += asked.gone
                if len(silent) == MOST and asked.targets:
                    full.append(bucket)
            if self._clock.now_ms() >= until_ms:
                return Asked(targets, gone, full)
            looking = full
        return Asked(targets, gone)

    def ask(self, targets: Sequence[Target], ping: Ping) -> Asked:
        """Ask those whom the store knows to be silent; queue their end, in case of no answer.

        What was read of them may be old. So one that was heard within the last four minutes is
        not ended, even if that was before the ping.
        """
        now_ms = self._clock.now_ms()
        asked = self._post(targets, ping)
        self._outbound.send([_end(Silent(each, now_ms), now_ms) for each in asked.targets])
        return asked

    def end(self, job: EndSilent) -> None:
        """End a connection of which nothing was received since it was asked."""
        connection = self._store.get(job.connection_id)
        if connection is None:
            return
        if connection.last_ping_ms > job.asked_ms:
            self._note(connection)
            return
        if self._heard(connection, job.asked_ms):
            return
        telemetry.log("INFO", "silent_connection_ended", connection_id=job.connection_id)
        self._connections.end(connection.target, Reason.SILENT)

    def _ask_silent(self, silent: Sequence[Silent], now_ms: int, ping: Ping) -> Asked:
        """Ask silent connections of a bucket, and queue the end of those who were asked before."""
        self._outbound.send([_end(each, now_ms) for each in silent if each.asked_ms is not None])
        asked = self._post([each.target for each in silent if each.asked_ms is None], ping)
        if asked.targets:
            self._registry.note_asked(asked.targets, now_ms - STALE_MS - 1, now_ms)
        return asked

    def _post(self, targets: Sequence[Target], ping: Ping) -> Asked:
        frames = [(target, ping(target)) for target in targets]
        posts = [Post(target, frame) for target, frame in frames if frame is not None]
        outcomes = list(zip(posts, self._poster.post(posts), strict=True)) if posts else []
        taken = [post.target for post, outcome in outcomes if outcome is Outcome.DELIVERED]
        refused = [post.target for post, outcome in outcomes if outcome is Outcome.GONE]
        return Asked(taken, sum(map(self._connections.gone, refused)))

    def _note(self, connection: Connection) -> None:
        """Let Redis know what only the store does, so that the client is asked again later."""
        try:
            self._registry.note(connection.target, connection.last_ping_ms, True)
        except CacheDown:
            telemetry.log("WARNING", "sign_of_life_not_noted")

    def _heard(self, connection: Connection, asked_ms: int) -> bool:
        """Whether the client was or may have been heard since then, though the store has nothing.

        While Redis is away or has lost what it knew, an answer is certain to be stored only when
        the last one stored is old.
        """
        try:
            heard_ms = self._registry.heard_ms(connection.target)
        except CacheDown:
            heard_ms = None
        if heard_ms is None:
            return self._clock.now_ms() - connection.last_ping_ms <= STORED_STALE_MS
        return heard_ms > asked_ms


def _end(silent: Silent, now_ms: int) -> EndSilent:
    """Return the job that ends a connection unless it was heard in the time it has to answer."""
    assert silent.asked_ms is not None
    left_ms = silent.asked_ms + ANSWER_S * 1000 - now_ms
    return EndSilent(
        connection_id=silent.target.connection_id,
        asked_ms=silent.asked_ms - STALE_MS,
        delay_s=max(0, -(-left_ms // 1000)),
    )
