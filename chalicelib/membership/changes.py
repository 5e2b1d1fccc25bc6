"""Changes of rooms and memberships: the job that completes each, and its announcement.

A change queues a job, writes DynamoDB and then a new membership version, which invalidates what is
cached. The job looks at the store some time later: it writes a new version again, and announces a
change whose writer died before it could.
"""

from __future__ import annotations

from ..jobs.delivery import AnnounceRoomChange, change_token
from ..jobs.outbound import CheckRoomChange
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown
from ..model.identifiers import RoomId, UserId
from ..model.rooms import Room, RoomType
from ..ports.membership import MembershipCache
from ..ports.queues import Queue
from ..ports.rooms import RoomStore
from ..ports.system import Clock
from .invalidation import CHECK_S

_ANNOUNCED = (RoomType.PRIVATE_CHAT, RoomType.GROUP_CHAT)


class MembershipChanges:
    def __init__(
        self,
        store: RoomStore,
        cache: MembershipCache,
        delivery: Queue,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._store = store
        self._cache = cache
        self._delivery = delivery
        self._outbound = outbound
        self._clock = clock

    def about_to_change(
        self,
        change: str,
        room_id: RoomId,
        user_id: UserId,
        since_ms: int,
        announced: bool = True,
    ) -> CheckRoomChange:
        """Queue the job that completes a change, before the change is written."""
        job = CheckRoomChange(
            room_id=room_id,
            change=change,
            user_id=user_id,
            since_ms=since_ms,
            at_ms=self._clock.now_ms(),
            announced=announced,
            delay_s=CHECK_S,
        )
        self._outbound.send([job])
        return job

    def written(self, room_id: RoomId) -> None:
        """Invalidate the cached membership of a room whose change a job will look at."""
        try:
            self._cache.bump(room_id)
        except CacheDown:
            # The jobs repeat this until the cache is back.
            telemetry.log("WARNING", "membership_bump_failed", room_id=room_id)

    def changed(self, room_id: RoomId) -> None:
        """Invalidate the cached membership of a room.

        Raises:
            CacheDown: Redis is away, so the old membership may still be cached.
        """
        self._cache.bump(room_id)

    def happened(self, change: CheckRoomChange) -> bool:
        """Whether a change has been written and still holds (consistent reads)."""
        if change.change == "created":
            room = self._store.get(change.room_id)
            made = (room.created_by, room.created_at_ms) if room is not None else None
            return made == (change.user_id, change.since_ms)
        member = self._store.member(change.room_id, change.user_id)
        there = member is not None and member.joined_at_ms == change.since_ms
        return there if change.change == "member_added" else not there

    def announce(self, change: CheckRoomChange) -> None:
        """Queue the announcement of a change that was written; SQS drops it the second time."""
        if not change.announced:
            return
        room_id, user_id = change.room_id, change.user_id
        job = AnnounceRoomChange(
            room_id=room_id,
            change=change.change,
            user_id=user_id,
            at_ms=change.at_ms,
            token=change_token(change.change, room_id, user_id, change.since_ms),
        )
        self._delivery.send([job])

    def room_replicated(self, room_id: RoomId) -> None:
        """Announce a room that another region created to its members in this one."""
        room = self._store.get(room_id)
        if room is not None and room.room_type in _ANNOUNCED:
            since_ms = room.created_at_ms
            self.announce(self.about_to_change("created", room_id, room.created_by, since_ms))

    def member_replicated(self, room_id: RoomId, user_id: UserId) -> Room | None:
        """Announce another region's change of a membership to the members in this one.

        Returns:
            The room, if the membership began with it: then the room is announced, and not the
            membership. But the user may not have been known at that time.
        """
        member = self._store.member(room_id, user_id)
        changed = member or self._store.removed(room_id, user_id)
        room = self._store.get(room_id) if ids.room_type(room_id) in _ANNOUNCED else None
        since_ms = changed.joined_at_ms if changed is not None else 0
        first = room is not None and member is not None and since_ms == room.created_at_ms
        change = self.about_to_change(
            "member_added" if member is not None else "member_removed",
            room_id,
            user_id,
            since_ms,
            announced=room is not None and changed is not None and not first,
        )
        self.announce(change)
        return room if first else None
