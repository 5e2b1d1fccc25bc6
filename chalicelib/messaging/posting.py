"""Posts to connections and their outcomes; the connections that users have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from .. import wire
from ..connections.closing import Reason
from ..connections.registry import Connections
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Unavailable
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
_MANY, _FAILED = 5, Outcome.FAILED
_GONE_IN_A_HURRY = 3  # cleaned up after, with three calls for each, before the sender's answer
_TO_RETRY = (Outcome.THROTTLED, Outcome.FAILED, Outcome.BUSY, Outcome.UNSENT)


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

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> Receipt:
        """Send all posts, and clean up connections that are gone."""
        sent = list(zip(posts, self.outcomes(posts, within_ms), strict=True))

        def which(*outcomes: Outcome) -> tuple[Target, ...]:
            return tuple(post.target for post, outcome in sent if outcome in outcomes)

        return Receipt(
            delivered=len(which(Outcome.DELIVERED)),
            gone=len(which(Outcome.GONE)),
            refused=len(which(Outcome.TOO_LARGE)),
            retry=which(Outcome.THROTTLED, Outcome.FAILED),
            busy=which(Outcome.BUSY),
            unsent=which(Outcome.UNSENT),
            ended=which(Outcome.GONE),
        )

    def outcomes(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        """Send all posts, clean up connections that are gone, and return one outcome for each.

        `GONE` on a connection that may not be open yet is returned as `THROTTLED`. If the posts of
        many connections fail, the cause is not theirs: these are `BUSY`, but for sockets that can
        recover: of a failed post it is unknown whether it arrived, and they must not get it twice.

        Args:
            within_ms: How long posts may wait to be begun; None for as long as the post client
                waits. A caller in such a hurry cleans up after few that are gone: the others are
                returned as `THROTTLED`, so that jobs of their own do it.
        """
        if not posts:
            return []
        outcomes = list(self._poster.post(posts, within_ms))
        gone = [number for number, outcome in enumerate(outcomes) if outcome is Outcome.GONE]
        most = len(gone) if within_ms is None else _GONE_IN_A_HURRY
        for count, number in enumerate(gone):
            if count >= most or not self._gone(posts[number].target):
                outcomes[number] = Outcome.THROTTLED
        failed = {p.target.origin for p, o in zip(posts, outcomes, strict=True) if o is _FAILED}
        if len(failed) >= _MANY and 2 * len(failed) >= len({post.target.origin for post in posts}):
            outcomes = [
                Outcome.BUSY if o is _FAILED and not wire.recovers(p.target.protocol) else o
                for p, o in zip(posts, outcomes, strict=True)
            ]
        counts = Counter(outcomes)
        telemetry.measure(
            "posted",
            self._clock.now_ms(),
            posts_delivered=counts[Outcome.DELIVERED],
            posts_gone=counts[Outcome.GONE],
            posts_refused=counts[Outcome.TOO_LARGE],
            posts_to_retry=sum(counts[outcome] for outcome in _TO_RETRY),
        )
        return outcomes

    def _gone(self, target: Target) -> bool:
        """Clean up after a connection that is gone; False if it may not be open yet.

        False also if that cannot be done now: then the post is tried again, and so is this.
        """
        try:
            return self._connections.gone(target)
        except Unavailable as fault:
            telemetry.log("WARNING", "gone_not_noted", reason=telemetry.reason(fault))
            return False

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
                found += self._connections.of_users(online.unknown, online.held)
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

    def has_ended(self, target: Target) -> bool:
        """Whether a websocket's connection has ended, although the socket may still be open."""
        return not target.polls and self._connections.known(target.connection_id) is None

    def close(self, target: Target) -> None:
        """Close a connection that missed an entry: its client reconnects and syncs."""
        self._connections.end(target, Reason.SLOW)
        telemetry.log("WARNING", "slow_connection_closed", target=target.connection_id)
