"""Which connections have a room open and so get its ephemeral events; in the store and Redis.

The store decides who has a room open, and membership decides who of them gets its events. So a
view that outlives a membership shows nothing, however it came about.
"""

from __future__ import annotations

from collections.abc import Collection

from ..jobs.outbound import RepairViews
from ..kernel import telemetry
from ..kernel.errors import CacheDown
from ..membership.rooms import Rooms
from ..model.connections import Connection, Target
from ..model.identifiers import RoomId, UserId
from ..ports.audience import Audience
from ..ports.connections import ConnectionStore
from ..ports.queues import Queue

REPAIR_AGAIN_S = 15


class RoomViews:
    def __init__(
        self, store: ConnectionStore, audience: Audience, rooms: Rooms, outbound: Queue
    ) -> None:
        self._store = store
        self._audience = audience
        self._rooms = rooms
        self._outbound = outbound

    def open(self, room_id: RoomId, connection: Connection) -> bool:
        """Open the room on a connection. True when it is the user's first device in the room.

        The cache may have lost whom it knew, so the store says whether the device joins now.
        """
        target = connection.target
        planned = self._repair_if_away(target, [room_id])
        joins = self._store.join(room_id, target)
        try:
            return self._audience.join(room_id, target) and joins
        except CacheDown:
            if not planned:
                self._repair_later(target, [room_id])
            return joins

    def close(self, room_id: RoomId, target: Target) -> bool:
        """Close the room on a connection. True when it was the user's last device in the room.

        The store says so if the cache is away, or has lost whom it knew.
        """
        planned = self._repair_if_away(target, [room_id])
        leaves = self._store.leave(room_id, target)
        try:
            last = self._audience.leave(room_id, target)
        except CacheDown:
            if not planned:
                self._repair_later(target, [room_id])
            last = None
        if last is not None or not leaves:
            return bool(last)
        return all(other.user_id != target.user_id for other in self._store.joined(room_id))

    def repair(self, job: RepairViews) -> None:
        """Make the cached audience agree with the store; again later while Redis is away.

        The store is read now: the device may have joined or left again since the job was sent.
        """
        connection = self._store.get(job.target.connection_id)
        joined: Collection[RoomId] = connection.rooms if connection is not None else ()
        try:
            for room_id in job.rooms:
                if connection is not None and room_id in joined:
                    self._audience.join(room_id, connection.target)
                else:
                    self._audience.leave(room_id, job.target)
        except CacheDown:
            self._repair_later(job.target, job.rooms)

    def audience(self, room_id: RoomId) -> list[Target]:
        """Return the connections that have the room open and whose users are members of it."""
        try:
            known = self._audience.joined(room_id)
        except CacheDown:
            return self._members_of(room_id, self._store.joined(room_id))
        if known.targets is None:
            targets = self._store.joined(room_id)
            self._fill(room_id, known.as_of, targets)
            return self._members_of(room_id, targets)
        if known.members is None:
            return self._members_of(room_id, known.targets)
        return _of(known.members, known.targets)

    def _fill(self, room_id: RoomId, as_of: str, targets: list[Target]) -> None:
        try:
            if not self._audience.fill_joined(room_id, as_of, targets):
                telemetry.log("INFO", "audience_changed_meanwhile", room_id=room_id)
        except CacheDown:
            telemetry.log("WARNING", "cache_fill_failed", room_id=room_id)

    def _members_of(self, room_id: RoomId, targets: Collection[Target]) -> list[Target]:
        return _of(self._rooms.members(room_id), targets) if targets else []

    def _repair_if_away(self, target: Target, rooms: Collection[RoomId]) -> bool:
        """Queue the repair before the store is changed, as the process may end right after it."""
        if self._audience.away:
            self._repair_later(target, rooms)
            return True
        return False

    def _repair_later(self, target: Target, rooms: Collection[RoomId]) -> None:
        again = RepairViews(target=target, rooms=tuple(rooms), delay_s=REPAIR_AGAIN_S)
        self._outbound.send([again])


def _of(users: Collection[UserId], targets: Collection[Target]) -> list[Target]:
    return [target for target in targets if target.user_id in users]
