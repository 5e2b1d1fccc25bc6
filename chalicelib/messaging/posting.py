"""Posts to connections and their outcomes; the connections that users have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..connections.registry import Connections
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown
from ..membership.rooms import Rooms
from ..model.connections import Online, Target
from ..model.delivery import Outcome, Post
from ..model.identifiers import UserId
from ..model.rooms import LargeRoom
from ..ports.connections import Registry
from ..ports.delivery import Poster
from ..ports.system import Clock
from .fanout import Receipt

CHUNK = 10_000  # users asked for in one Redis trip
TOO_MANY = "the region has used up its posts for the moment, try again"


class Posting:
    def __init__(
        self,
        poster: Poster,
        connections: Connections,
        registry: Registry,
        rooms: Rooms,
        clock: Clock,
    ) -> None:
        self._poster = poster
        self._connections = connections
        self._registry = registry
        self._rooms = rooms
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

    def connected(self, members: Iterable[UserId] | LargeRoom) -> list[Target]:
        """Return all connections of these users: from Redis, or from the store if Redis fails.

        In a large room this costs what is connected, not what is a member.
        """
        if isinstance(members, LargeRoom):
            return self._in_large_room(members)
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

    def _in_large_room(self, room: LargeRoom) -> list[Target]:
        try:
            online = self._registry.online_in(room)
        except CacheDown:
            return self.connected(self._rooms.members(room.room_id))
        if online.unfilled:
            return self.connected(self._rooms.fill(room.room_id, room.version))
        if not online.cold:
            return list(online.targets)
        cold, members = set(online.cold), self._rooms.members(room.room_id)
        unknown = [user_id for user_id in members if ids.user_bucket(user_id) in cold]
        return [*online.targets, *self.connected(unknown)]

    def close(self, target: Target) -> None:
        """Close a connection that missed an entry: its client reconnects and syncs."""
        self._poster.close(target)
        self._connections.close(target.connection_id)
        telemetry.log("WARNING", "slow_connection_closed", target=target.connection_id)
