"""Friends: a friendship holds while both have put it. Owns the friends table.

Who is whose friend decides what is shown of presence and moments, so it is read consistently.
A change voids at once what is cached of who reads the moments of the two; its job does so again,
should Redis have been away, and then tells each of the other's presence.
"""

from __future__ import annotations

from ..jobs.outbound import FriendshipChanged
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Conflict
from ..model.friends import Friend, FriendStatus
from ..model.identifiers import UserId
from ..ports.friends import FriendStore
from ..ports.membership import MembershipCache
from ..ports.queues import Queue
from ..ports.system import Clock

MAX_FRIENDS = 10_000


class Friends:
    def __init__(
        self, store: FriendStore, cache: MembershipCache, outbound: Queue, clock: Clock
    ) -> None:
        self._store = store
        self._cache = cache
        self._outbound = outbound
        self._clock = clock

    def put(self, user_id: UserId, friend_id: UserId) -> Friend:
        """Ask for, or accept, a friendship; idempotent.

        Raises:
            Conflict: The user has put as many as one may have, or himself.
        """
        if user_id == friend_id:
            raise Conflict("user_id: nobody is his own friend")
        known = self._store.put_by(user_id)
        if friend_id not in known and len(known) >= MAX_FRIENDS:
            raise Conflict(f"{MAX_FRIENDS} friends are the most one can have")
        since_ms = known.get(friend_id, self._clock.now_ms())
        self._store.put(user_id, friend_id, since_ms)
        mutual = self._store.mutual(user_id, [friend_id])
        self._changed(user_id, friend_id)
        status = FriendStatus.FRIENDS if mutual else FriendStatus.REQUESTED
        return Friend(friend_id, status, max(since_ms, mutual.get(friend_id, 0)))

    def remove(self, user_id: UserId, friend_id: UserId) -> None:
        """End a friendship, or take a request back; the other's own wish stays. Idempotent."""
        self._store.remove(user_id, friend_id)
        self._changed(user_id, friend_id)

    def all(self, user_id: UserId) -> list[Friend]:
        """Friends, requests and those who ask (the last eventually consistent), by user id."""
        mine = self._store.put_by(user_id)
        mutual = self._store.mutual(user_id, list(mine))
        found = {
            other: Friend(other, FriendStatus.FRIENDS, max(since_ms, mutual[other]))
            if other in mutual
            else Friend(other, FriendStatus.REQUESTED, since_ms)
            for other, since_ms in mine.items()
        }
        for other, since_ms in self._store.put_for(user_id).items():
            found.setdefault(other, Friend(other, FriendStatus.INCOMING, since_ms))
        return [found[other] for other in sorted(found)]

    def of(self, user_id: UserId) -> list[UserId]:
        """Those whose friendship holds, by user id."""
        return sorted(self._store.mutual(user_id, list(self._store.put_by(user_id))))

    def are(self, user_id: UserId, other: UserId) -> bool:
        """Whether the friendship of two holds."""
        mine = self._store.mutual(other, [user_id])
        return bool(mine) and bool(self._store.mutual(user_id, [other]))

    def _changed(self, user_id: UserId, friend_id: UserId) -> None:
        try:
            for owner in (user_id, friend_id):
                self._cache.bump(ids.moments_room_id(owner))
        except CacheDown:
            # The job's worker bumps again, and goes on until the cache is back.
            telemetry.log("WARNING", "friends_bump_failed")
        self._outbound.send([FriendshipChanged(user_id=user_id, friend_id=friend_id)])
