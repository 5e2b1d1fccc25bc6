"""Events that live in the moment: typing, and who has the room open. Never logged, never synced.

A frame only queues a job; a worker on the outbound queue posts it. Typing ends by itself: every
start leaves a delayed job behind that ends it unless a newer start or a stop came meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..connections.registry import Connections
from ..contract import events
from ..kernel import telemetry
from ..kernel.errors import CacheDown
from ..kernel.records import target_from_json
from ..messaging.delivery import Delivery
from ..model.connections import Connection
from ..model.identifiers import RoomId, UserId
from ..model.jobs import Job
from ..ports.cache import Cache
from ..ports.queues import Queue
from ..ports.system import Clock

TYPING_EXPIRES_S = 6
LATE_MS = 15_000


class Ephemeral:
    def __init__(
        self,
        connections: Connections,
        delivery: Delivery,
        cache: Cache,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._delivery = delivery
        self._cache = cache
        self._outbound = outbound
        self._clock = clock

    def join(self, connection: Connection, room_id: RoomId) -> None:
        """Open the room on this device; the others hear of the user's first one."""
        if self._connections.joined_room(room_id, connection):
            self._announce("user_joined", room_id, connection)

    def leave(self, connection: Connection, room_id: RoomId) -> None:
        """Close the room on this device; the others hear of the user's last one."""
        if self._connections.left_room(room_id, connection.target):
            self._announce("user_left", room_id, connection)

    def typing(self, connection: Connection, room_id: RoomId, is_typing: bool) -> None:
        body = {
            "room_id": room_id,
            "user_id": connection.user_id,
            "origin": connection.target.origin,
            "is_typing": is_typing,
            "at_ms": self._clock.now_ms(),
        }
        jobs = [Job("typing", body)]
        if is_typing:
            jobs.append(Job("typing_expired", body, delay_s=TYPING_EXPIRES_S))
        self._outbound.send(jobs)

    def deliver_typing(self, job: Mapping[str, Any]) -> None:
        """Post a start or stop; one that a newer event overtook, or that is late, is dropped."""
        room_id, user_id, at_ms = RoomId(job["room_id"]), UserId(job["user_id"]), job["at_ms"]
        if self._clock.now_ms() - at_ms > LATE_MS:
            return
        try:
            if (self._cache.typing_since(room_id, user_id) or 0) > at_ms:
                return
            self._cache.typing(room_id, user_id, at_ms if job["is_typing"] else None)
        except CacheDown:
            telemetry.log("WARNING", "typing_not_remembered")
        event = events.typing(room_id, user_id, job["is_typing"], at_ms)
        self._delivery.ephemeral(room_id, event, job["origin"], keep=False)

    def expire_typing(self, job: Mapping[str, Any]) -> None:
        """End a typing whose stop never came."""
        room_id, user_id, at_ms = RoomId(job["room_id"]), UserId(job["user_id"]), job["at_ms"]
        try:
            if self._cache.typing_since(room_id, user_id) != at_ms:
                return
            self._cache.typing(room_id, user_id, None)
        except CacheDown:
            telemetry.log("WARNING", "typing_not_remembered")
        event = events.typing(room_id, user_id, False, self._clock.now_ms())
        self._delivery.ephemeral(room_id, event, job["origin"], keep=False)

    def deliver_room_view(self, job: Mapping[str, Any]) -> None:
        """Post `user_joined` or `user_left`."""
        room_id = RoomId(job["room_id"])
        event = events.presence_in_room(job["name"], room_id, job["user_id"], job["at_ms"])
        self._delivery.ephemeral(room_id, event, job["origin"], keep=True)

    def left_all(self, job: Mapping[str, Any], attempt: int) -> None:
        """A connection ended: take it out of the rooms it had joined.

        An attempt that died may have taken it out and told nobody: a later one tells again.
        """
        target = target_from_json(job["target"])
        for room in job["rooms"]:
            room_id = RoomId(room)
            last = self._connections.left_room(room_id, target)
            if last or (attempt > 1 and self._is_out(room_id, target.user_id)):
                now_ms = self._clock.now_ms()
                event = events.presence_in_room("user_left", room_id, target.user_id, now_ms)
                self._delivery.ephemeral(room_id, event, target.origin, keep=True)

    def _is_out(self, room_id: RoomId, user_id: UserId) -> bool:
        return all(each.user_id != user_id for each in self._connections.audience(room_id))

    def _announce(self, name: str, room_id: RoomId, connection: Connection) -> None:
        body = {
            "name": name,
            "room_id": room_id,
            "user_id": connection.user_id,
            "origin": connection.target.origin,
            "at_ms": self._clock.now_ms(),
        }
        self._outbound.send([Job("room_view", body)])
