"""Events that no table holds, for the regions in which their receivers are connected.

They are published after they were posted in this region, and never at the cost of that: what fails
is logged and counted. With one region, nothing is looked for and nothing is published.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..connections.whereabouts import Whereabouts
from ..jobs.relayed import RelayedJob
from ..kernel import telemetry
from ..kernel.errors import Unavailable
from ..membership.rooms import Rooms
from ..model.identifiers import RoomId, UserId
from ..model.rooms import LargeRoom
from ..ports.log import Recents
from ..ports.queues import Topic
from ..ports.system import Clock

REST_MS = 5_000


class Broadcast:
    """
    Args:
        several: Whether the deployment has several regions.
    """

    def __init__(
        self,
        topic: Topic,
        whereabouts: Whereabouts,
        rooms: Rooms,
        recents: Recents,
        clock: Clock,
        *,
        several: bool,
    ) -> None:
        self._topic = topic
        self._recents = recents
        self._whereabouts = whereabouts
        self._rooms = rooms
        self._clock = clock
        self._several = several
        self._rests_until_ms = 0

    def to_room(self, job: RelayedJob, room_id: RoomId) -> bool:
        """Publish for the members of a room; False if that failed.

        Only for the regions in which any of them is connected.
        """
        return not self._several or self._publish(job, lambda: self._members(room_id))

    def to_user(self, job: RelayedJob, user_id: UserId) -> bool:
        """Publish for the regions in which a user is connected; False if that failed."""
        return not self._several or self._publish(job, lambda: [user_id])

    def _members(self, room_id: RoomId) -> Collection[UserId] | LargeRoom:
        """Return the members; of a large room only how many they are."""
        known = self._recents.deliver(room_id, ())
        if known.members is None:
            return self._rooms.fill(room_id, known.version)
        return known.members

    def _publish(
        self, job: RelayedJob, users: Callable[[], Collection[UserId] | LargeRoom]
    ) -> bool:
        now_ms = self._clock.now_ms()
        try:
            regions = self._whereabouts.of(users())
            if not regions:
                return True
            if now_ms < self._rests_until_ms:
                raise Unavailable("the topic did not answer shortly before")
            try:
                self._topic.publish(job, regions)
            except Exception:
                self._rests_until_ms = self._clock.now_ms() + REST_MS
                raise
        except Exception as fault:  # noqa: BLE001 - or the job would post the event here again
            if not isinstance(fault, Unavailable):
                telemetry.error("publishing_failed", fault, kind=job.kind)
            telemetry.measure("not_published", now_ms, events_not_published=1)
            return False
        telemetry.measure("published", now_ms, events_published=1)
        return True
