"""Compute what a sweep and heartbeats cost: `python -m workbench.load.sweep [--hours 2]`.

The product's own sweep runs on the in-memory stores under a clock of its own, for some connections
of each kind. The calls it makes are counted and multiplied. Times follow from the calls and stated
latencies, money from `operate/cost/prices.json`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import Any

from chalicelib.access.cluster import Cluster
from chalicelib.access.revocations import Revocations
from chalicelib.adapters.memory import (
    MemoryConnectionStore,
    MemoryConsentStore,
    MemoryFriendStore,
    MemoryMessageLog,
    MemoryPresenceStore,
    MemoryQueue,
    MemoryRevocationStore,
    MemoryRoomStore,
)
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.redis.cluster import RedisClusterBus
from chalicelib.adapters.system import SystemIds, SystemThreads
from chalicelib.connections.closing import Closing
from chalicelib.connections.expiry import TokenExpiry
from chalicelib.connections.missed import MissedPushes
from chalicelib.connections.presence_jobs import PresenceJobs
from chalicelib.connections.registry import Connections
from chalicelib.connections.restoring import Restorer
from chalicelib.connections.silence import Silence
from chalicelib.connections.sweep import RUN_MS, Sweep
from chalicelib.connections.views import RoomViews
from chalicelib.jobs.outbound import EndSilent
from chalicelib.kernel.ids import BUCKETS
from chalicelib.membership.changes import MembershipChanges
from chalicelib.membership.consent import Consent
from chalicelib.membership.friends import Friends
from chalicelib.membership.invitations import Invitations
from chalicelib.membership.rooms import Rooms
from chalicelib.model.connections import Connection, Target
from chalicelib.model.consents import AddedBy
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, Region, UserId
from operate.cost import budgets, load

SAMPLE = 640
SIZES = (10_000, 100_000, 1_000_000)
# Each kind: seconds between two signs of life, and whether it is a session with a heartbeat.
KINDS = {
    "Socket.IO, a pong every 25 s": (25, True),
    "Socket.IO, a pong every 240 s": (240, True),
    "JSON, a ping every 60 s": (60, False),
    "JSON, a frame every 20 s": (20, False),
    "JSON, answers `ping` only": (None, False),
}
WRITE_MS, READ_MS, TRIP_MS, POST_MS, SIDE_BY_SIDE = 5, 5, 1, 12, 16
ITEM_UNITS = 500 / 4096 * 0.5  # an item of 500 bytes, eventually consistent
MONTH_MIN = 30 * 24 * 60


class Clock:
    ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


class Poster:
    """Every post is taken; `asked` has the connections that have to answer one."""

    def __init__(self, calls: Counter[str]) -> None:
        self._calls = calls
        self.asked: list[ConnectionId] = []

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        self._calls["posts"] += len(posts)
        self.asked += [each.target.connection_id for each in posts]
        return [Outcome.DELIVERED] * len(posts)

    def close(self, target: Target) -> Outcome:
        return Outcome.DELIVERED


class Counted:
    """A port whose calls are counted, with the items that its iterators yield."""

    def __init__(self, inner: Any, calls: Counter[str]) -> None:
        self._inner, self._calls = inner, calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*arguments: Any) -> Any:
            self._calls[name] += 1
            found = method(*arguments)
            if name in ("due", "in_bucket"):
                found = list(found)
                self._calls["items"] += len(found)
                return iter(found)
            return found

        return call


def minute(beat_s: int | None, session: bool, hours: int) -> dict[str, float]:
    """The calls of one minute for one connection, on the average of so many hours."""
    clock, ids, calls = Clock(), SystemIds(), Counter[str]()
    stored, cache = MemoryConnectionStore(), MemoryCache(ids, clock)
    store, registry = Counted(stored, calls), Counted(cache, calls)
    outbound, poster = MemoryQueue(), Poster(calls)
    presence_jobs = PresenceJobs(MemoryQueue(), ids)
    restorer = Restorer(store, registry, outbound, clock)
    friends = Friends(
        MemoryFriendStore(),
        cache,
        MemoryPresenceStore(),
        MemoryQueue(),
        outbound,
        clock,
        Region("us-east-1"),
    )
    room_store, consents = MemoryRoomStore(), MemoryConsentStore()
    consent = Consent(consents, friends, cache, outbound, clock, AddedBy.EVERYBODY)
    rooms = Rooms(
        store=room_store,
        friends=friends,
        consent=consent,
        invitations=Invitations(consents, room_store, consent, outbound, clock),
        changes=MembershipChanges(room_store, cache, MemoryQueue(), outbound, clock),
        cache=cache,
        outbound=outbound,
        parallel=SystemThreads(),
        clock=clock,
        ids_=ids,
        several=False,
        max_rooms=1,
        max_members=1,
    )
    cluster = Cluster(RedisClusterBus("", "", clock), clock)
    revocations = Revocations(MemoryRevocationStore(), cache, cluster, outbound, clock)
    connections = Connections(
        store=store,
        registry=registry,
        restorer=restorer,
        missed=MissedPushes(MemoryMessageLog(), rooms, ()),
        views=RoomViews(store, cache, rooms, outbound),
        presence_jobs=presence_jobs,
        outbound=outbound,
        closing=Closing(poster, outbound, clock),
        revocations=revocations,
        claims=cache,
        parallel=SystemThreads(),
        clock=clock,
        max_connections=10,
    )
    sweep = Sweep(
        store=store,
        registry=registry,
        counts=cache,
        restorer=restorer,
        connections=connections,
        expiry=TokenExpiry(store, connections, poster, outbound, clock),
        silence=Silence(
            store=store,
            registry=registry,
            connections=connections,
            poster=poster,
            outbound=outbound,
            clock=clock,
        ),
        presence_jobs=presence_jobs,
        outbound=outbound,
        parallel=SystemThreads(),
        clock=clock,
    )
    everyone = [_connection(number, clock.ms) for number in range(SAMPLE)]
    for each in everyone:
        stored.put(each)
        cache.register(each)
    for second in range(hours * 3600):
        clock.ms += 1000
        lively = everyone[second % beat_s :: beat_s] if beat_s else []
        for connection_id in [*(each.connection_id for each in lively), *poster.asked]:
            if session:
                connections.touch([connection_id])
                continue
            frame = cache.frame(connection_id, None, None)
            assert frame.connection is not None
            connections.heard(frame.connection, frame.noted_ms)
        poster.asked.clear()
        if second % 60 == 59:
            sweep.run(lambda target: None if session else b"ping", lambda connection: b"")
            calls["jobs"] += sum(isinstance(job, EndSilent) for job in outbound.jobs)
            outbound.jobs.clear()
    assert not calls["jobs"], "everybody answers"
    per = hours * 60 * SAMPLE
    writes = calls["touch"] + calls["look_later"]
    beats = calls["note"] + calls["beat"]
    return {
        "beats": beats / per,
        "writes": writes / per,
        "items": calls["items"] / per,
        "posts": calls["posts"] / per,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=2)
    hours = parser.parse_args().hours
    prices = load()
    print(
        f"Latencies: {WRITE_MS} ms a write, {READ_MS} ms a query, {POST_MS} ms a post,"
        f" {SIDE_BY_SIDE} at a time; {RUN_MS // 1000} s a sweep, the rest in jobs of 1/{BUCKETS}.\n"
    )
    print(
        "| connections | kind | Redis/s | writes/s | items/sweep | posts/sweep | s/sweep | jobs"
        " | $/month |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for kind, (beat_s, session) in KINDS.items():
        one = minute(beat_s, session, hours)
        for size in SIZES:
            beats, writes, items, posts = (each * size for each in one.values())
            ms = BUCKETS * READ_MS + items * 3 * TRIP_MS / 500 + posts * POST_MS / SIDE_BY_SIDE
            ms += items * WRITE_MS / SIDE_BY_SIDE
            left = max(0, -(-(ms - RUN_MS) * BUCKETS // ms))
            units = items * ITEM_UNITS + budgets.SWEEP.reads
            usd = prices["dynamodb_writes"].usd(writes * budgets.SEEN_WRITES * MONTH_MIN)
            usd += prices["dynamodb_reads"].usd(units * MONTH_MIN)
            print(
                f"| {size:,} | {kind} | {beats / 60:,.1f} | {writes / 60:,.1f} | {items:,.0f}"
                f" | {posts:,.0f} | {ms / 1000:,.1f} | {left:.0f} | {usd:,.2f} |"
            )


def _connection(number: int, now_ms: int) -> Connection:
    user = UserId(f"user{number}")
    target = Target(ConnectionId(f"c{number}="), user, "api", "s", Region("r"), "json", now_ms)
    return Connection(target, {}, now_ms, now_ms, now_ms // 1000 + 86_400)


if __name__ == "__main__":
    main()
