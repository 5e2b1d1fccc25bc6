"""Friends: two users are friends while both have put the friendship. Owns the friends table.

Friendship decides who sees presence and moments, so it is read consistently. Only who the friends
of a user with many are is read from an index, which lags by milliseconds: ten thousand items that
are read one by one cost ten thousand units. A change invalidates the cached readers of both users'
moments at once. A job that was queued before the change was written does so again. New friends are
introduced: each gets the other's presence, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set

from ..jobs.delivery import IntroduceFriend
from ..jobs.outbound import FriendshipChanged
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Conflict
from ..model.friends import Friend, FriendStatus
from ..model.identifiers import Region, UserId
from ..ports.friends import FriendStore
from ..ports.membership import MembershipCache
from ..ports.presence import PresenceStore
from ..ports.queues import Queue
from ..ports.system import Clock
from .invalidation import CHECK_S

MAX_FRIENDS = 10_000
MANY = 100  # of more, those who have put the user are read from the index
_INCOMING = 2  # and if there are not many times as many requests that the user has not accepted


class Friends:
    def __init__(
        self,
        store: FriendStore,
        cache: MembershipCache,
        presence: PresenceStore,
        delivery: Queue,
        outbound: Queue,
        clock: Clock,
        region: Region,
    ) -> None:
        self._store = store
        self._cache = cache
        self._presence = presence
        self._delivery = delivery
        self._outbound = outbound
        self._clock = clock
        self._region = region

    def put(self, user_id: UserId, friend_id: UserId) -> Friend:
        """Ask for a friendship, or accept one. Idempotent.

        Raises:
            Conflict: The user has as many friends and requests as allowed, or named themselves.
        """
        if user_id == friend_id:
            raise Conflict("user_id: you cannot befriend yourself")
        known = self._store.put_by(user_id)
        if friend_id not in known and len(known) >= MAX_FRIENDS:
            raise Conflict(f"a user can have at most {MAX_FRIENDS} friends and requests")
        since_ms = known.get(friend_id, self._clock.now_ms())
        if friend_id not in known:
            self._about_to_change(user_id, friend_id)
            self._store.put(user_id, friend_id, since_ms)
        mutual = self._store.mutual(user_id, [friend_id])
        self._invalidate(user_id, friend_id)
        if friend_id not in known and mutual:
            self.introduce(user_id, friend_id)
        status = FriendStatus.FRIENDS if mutual else FriendStatus.REQUESTED
        return Friend(friend_id, status, max(since_ms, mutual.get(friend_id, 0)))

    def remove(self, user_id: UserId, friend_id: UserId) -> None:
        """End a friendship or withdraw a request; the other user's request stays. Idempotent."""
        self._about_to_change(user_id, friend_id)
        self._store.remove(user_id, friend_id)
        self._invalidate(user_id, friend_id)

    def page(
        self,
        user_id: UserId,
        after: UserId,
        limit: int | None,
        hidden: Callable[[], Set[UserId]] = frozenset,
    ) -> tuple[list[Friend], UserId | None]:
        """Return a page of friends, sent and received requests, by user id.

        Received requests are eventually consistent. With a limit, it costs no more than so many.

        Args:
            after: Those above this id; "" for all.
            limit: The most of them; there may be fewer, and more on the next page. None for all.
            hidden: Whose requests are left out.

        Returns:
            Also after whom the next page begins; None if there is none.
        """
        mine, theirs, end = self._put(user_id, after, limit)
        incoming = theirs.keys() - mine.keys()
        incoming -= hidden() if incoming else set()
        others = sorted(other for other in {*mine, *incoming} if other > after)
        page = others[:limit]
        mutual = self._store.mutual(user_id, [other for other in page if other in mine])
        found = []
        for other in page:
            since_ms = mine.get(other)
            if since_ms is None:
                found.append(Friend(other, FriendStatus.INCOMING, theirs[other]))
            elif other in mutual:
                since_ms = max(since_ms, mutual[other])
                found.append(Friend(other, FriendStatus.FRIENDS, since_ms))
            else:
                found.append(Friend(other, FriendStatus.REQUESTED, since_ms))
        return found, page[-1] if len(page) < len(others) else end

    def _put(
        self, user_id: UserId, after: UserId, limit: int | None
    ) -> tuple[Mapping[UserId, int], Mapping[UserId, int], UserId | None]:
        """Return whom a user has put and who has put them, both up to the same user id."""
        if limit is None:
            return self._store.put_by(user_id), self._store.put_for(user_id), None
        mine = self._store.slice_by(user_id, after, limit)
        theirs = self._store.slice_for(user_id, after, limit)
        end = min((each.end for each in (mine, theirs) if each.end is not None), default=None)
        return mine.up_to(end), theirs.up_to(end), end

    def of(self, user_id: UserId) -> list[UserId]:
        """Return the user's friends, by user id; of many, eventually consistent (an index)."""
        mine = self._store.put_by(user_id)
        if len(mine) > MANY:
            theirs = self._store.put_for_up_to(user_id, _INCOMING * len(mine))
            if theirs is not None:
                return sorted(mine.keys() & theirs.keys())
        return sorted(self._store.mutual(user_id, list(mine)))

    def slice_of(
        self, user_id: UserId, after: UserId, most: int
    ) -> tuple[list[UserId], UserId | None]:
        """Return up to `most` friends by user id, above `after` (consistent reads).

        It costs no more than so many. There may be fewer, and more in the next slice.

        Returns:
            Also after whom that begins; None if there is none.
        """
        mine = self._store.slice_by(user_id, after, most)
        return sorted(self._store.mutual(user_id, list(mine.found))), mine.end

    def among(self, user_id: UserId, others: Sequence[UserId]) -> set[UserId]:
        """Return those of these users who are friends (consistent reads)."""
        mine = self._store.put_by(user_id)
        return set(self._store.mutual(user_id, [other for other in others if other in mine]))

    def are(self, user_id: UserId, other: UserId) -> bool:
        """Whether two users are friends."""
        mine = self._store.mutual(other, [user_id])
        return bool(mine) and bool(self._store.mutual(user_id, [other]))

    def has_put(self, user_id: UserId, friend_id: UserId) -> bool:
        """Whether a user has asked for, or accepted, a friendship."""
        return bool(self._store.mutual(friend_id, [user_id]))

    def introduce(self, one: UserId, other: UserId) -> None:
        """Queue the introduction of two users, if they are friends; once for each friendship."""
        put_by_one = self._store.mutual(other, [one]).get(one)
        put_by_other = self._store.mutual(one, [other]).get(other)
        if put_by_one is None or put_by_other is None:
            return
        since_ms = max(put_by_one, put_by_other)
        self._delivery.send(
            [
                IntroduceFriend(
                    user_id=seen,
                    friend_id=by,
                    since_ms=since_ms,
                    version=self._presence.get(seen, self._region).version,
                )
                for seen, by in ((one, other), (other, one))
            ]
        )

    def replicated(self, user_id: UserId, friend_id: UserId) -> None:
        """Introduce users whose friendship another region has changed, if they are friends now."""
        self._about_to_change(user_id, friend_id)
        self.introduce(user_id, friend_id)

    def _about_to_change(self, user_id: UserId, friend_id: UserId) -> None:
        job = FriendshipChanged(user_id=user_id, friend_id=friend_id, delay_s=CHECK_S)
        self._outbound.send([job])

    def _invalidate(self, user_id: UserId, friend_id: UserId) -> None:
        try:
            for owner in (user_id, friend_id):
                self._cache.bump(ids.moments_room_id(owner))
        except CacheDown:
            # The job repeats this until the cache is back.
            telemetry.log("WARNING", "friends_bump_failed")
