"""Events that live in the moment: typing, and who has the room open. Never logged, never synced.

A frame only queues a job; a worker on the outbound queue posts it. Typing ends by itself: every
start leaves a delayed job behind that ends it unless a newer start or a stop came meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..connections.views import RoomViews
from ..contract.events import Typing, UserJoined, UserLeft
from ..jobs.outbound import EndTyping, LeaveRooms, TellRoomView, TellTyping, TypingJob
from ..kernel import telemetry, times
from ..kernel.errors import CacheDown
from ..messaging.telling import Telling
from ..model.connections import Connection
from ..model.identifiers import RoomId, UserId
from ..ports.queues import Queue
from ..ports.system import Clock
from ..ports.typing import TypingState

TYPING_EXPIRES_S = 6
LATE_MS = 15_000
_VIEWS: Mapping[str, type[UserJoined | UserLeft]] = {
    each.name: each for each in (UserJoined, UserLeft)
}


class Ephemeral:
    def __init__(
        self,
        views: RoomViews,
        telling: Telling,
        state: TypingState,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._views = views
        self._telling = telling
        self._state = state
        self._outbound = outbound
        self._clock = clock

    def join(self, connection: Connection, room_id: RoomId) -> None:
        """Open the room on this device; the others hear of the user's first one."""
        if self._views.open(room_id, connection):
            self._announce(UserJoined, room_id, connection)

    def leave(self, connection: Connection, room_id: RoomId) -> None:
        """Close the room on this device; the others hear of the user's last one."""
        if self._views.close(room_id, connection.target):
            self._announce(UserLeft, room_id, connection)

    def typing(self, connection: Connection, room_id: RoomId, is_typing: bool) -> None:
        job = TellTyping(
            room_id=room_id,
            user_id=connection.user_id,
            origin=connection.target.origin,
            is_typing=is_typing,
            at_ms=self._clock.now_ms(),
        )
        jobs: list[TypingJob] = [job]
        if is_typing:
            end = EndTyping(
                room_id=room_id,
                user_id=job.user_id,
                origin=job.origin,
                is_typing=True,
                at_ms=job.at_ms,
                delay_s=TYPING_EXPIRES_S,
            )
            jobs.append(end)
        self._outbound.send(jobs)

    def tell_typing(self, job: TellTyping) -> None:
        """Post a start or stop; one that a newer event overtook, or that is late, is dropped."""
        room_id, user_id, at_ms = job.room_id, job.user_id, job.at_ms
        if self._clock.now_ms() - at_ms > LATE_MS:
            return
        try:
            if (self._state.typing_since(room_id, user_id) or 0) > at_ms:
                return
            self._state.typing(room_id, user_id, at_ms if job.is_typing else None)
        except CacheDown:
            telemetry.log("WARNING", "typing_not_remembered")
        event = Typing(room_id, user_id, job.is_typing, times.iso(at_ms))
        self._telling.tell_room(room_id, event, job.origin, retry=False)

    def end_typing(self, job: EndTyping) -> None:
        """End a typing whose stop never came."""
        room_id, user_id = job.room_id, job.user_id
        try:
            if self._state.typing_since(room_id, user_id) != job.at_ms:
                return
            self._state.typing(room_id, user_id, None)
        except CacheDown:
            telemetry.log("WARNING", "typing_not_remembered")
        event = Typing(room_id, user_id, False, times.iso(self._clock.now_ms()))
        self._telling.tell_room(room_id, event, job.origin, retry=False)

    def tell_room_view(self, job: TellRoomView) -> None:
        """Post `user_joined` or `user_left`."""
        event = _VIEWS[job.name](job.user_id, job.room_id, times.iso(job.at_ms))
        self._telling.tell_room(job.room_id, event, job.origin, retry=True)

    def leave_all(self, job: LeaveRooms, attempt: int) -> None:
        """A connection ended: take it out of the rooms it had joined.

        An attempt that died may have taken it out and told nobody: a later one tells again.
        """
        target = job.target
        for room_id in job.rooms:
            last = self._views.close(room_id, target)
            if last or (attempt > 1 and self._is_out(room_id, target.user_id)):
                left_at = times.iso(self._clock.now_ms())
                event = UserLeft(target.user_id, room_id, left_at)
                self._telling.tell_room(room_id, event, target.origin, retry=True)

    def _is_out(self, room_id: RoomId, user_id: UserId) -> bool:
        return all(each.user_id != user_id for each in self._views.audience(room_id))

    def _announce(
        self, view: type[UserJoined | UserLeft], room_id: RoomId, connection: Connection
    ) -> None:
        job = TellRoomView(
            name=view.name,
            room_id=room_id,
            user_id=connection.user_id,
            origin=connection.target.origin,
            at_ms=self._clock.now_ms(),
        )
        self._outbound.send([job])
