"""Posts to connections and their outcomes; the connections that users have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..connections.registry import Connections
from ..kernel import telemetry
from ..kernel.errors import CacheDown
from ..model.connections import Online, Target
from ..model.delivery import Outcome, Post
from ..model.identifiers import UserId
from ..ports.connections import Registry
from ..ports.delivery import Poster
from ..ports.system import Clock
from .fanout import Receipt

CHUNK = 10_000  # users asked for in one Redis trip
TOO_MANY = "the region has used up its posts for the moment, try again"


class Posting:
    def __init__(
        self, poster: Poster, connections: Connections, registry: Registry, clock: Clock
    ) -> None:
        self._poster = poster
        self._connections = connections
        self._registry = registry
        self._clock = clock

    def post(self, posts: Sequence[Post]) -> Receipt:
        """Send all posts, and clean up connections that are gone."""
        if not posts:
            return Receipt()
        delivered, gone, refused = 0, 0, 0
        retry: list[Target] = []
        busy: list[Target] = []
        unsent: list[Target] = []
        for post, outcome in zip(posts, self._poster.post(posts), strict=True):
            if outcome is Outcome.DELIVERED:
                delivered += 1
            elif outcome is Outcome.TOO_LARGE:
                refused += 1
            elif outcome is Outcome.BUSY:
                busy.append(post.target)
            elif outcome is Outcome.UNSENT:
                unsent.append(post.target)
            elif outcome is Outcome.GONE and self._connections.gone(post.target):
                gone += 1
            else:
                retry.append(post.target)
        telemetry.measure(
            "posted",
            self._clock.now_ms(),
            posts_delivered=delivered,
            posts_gone=gone,
            posts_refused=refused,
            posts_to_retry=len(retry) + len(busy) + len(unsent),
        )
        return Receipt(delivered, gone, refused, tuple(retry), tuple(busy), tuple(unsent))

    def connected(self, members: Iterable[UserId]) -> list[Target]:
        """Return all connections of these users: from Redis, or from the store if Redis fails."""
        users = sorted(members)
        found: list[Target] = []
        for start in range(0, len(users), CHUNK):
            chunk = users[start : start + CHUNK]
            try:
                online = self._registry.online(chunk)
            except CacheDown:
                online = Online((), chunk)
            found += online.targets
            if online.unknown:
                found += self._connections.of_users(online.unknown)
        return found

    def close(self, target: Target) -> None:
        """Close a connection that missed an entry: its client reconnects and syncs."""
        self._poster.close(target)
        self._connections.close(target.connection_id)
        telemetry.log("WARNING", "slow_connection_closed", target=target.connection_id)
