"""Ephemeral events: typing, and who has a room open. They are never logged and never synced.

A frame only queues a job; a worker on the outbound queue posts the event, if something changed. A
user who goes on typing is shown again after a while. Typing ends by itself: each start queues a
delayed job that ends it, unless a newer start or a stop came in the meantime.

An event is posted in this region, then published for the others. What another region has published
is posted here only (`relay_…`). Each region ends typing by itself, so an end is not published.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..connections.views import RoomViews
from ..contract.events import Typing, UserJoined, UserLeft
from ..jobs.outbound import EndTyping, LeaveRooms, TellRoomView, TellTyping, TypingJob
from ..jobs.relayed import RelayRoomView, RelayTyping
from ..kernel import ids, telemetry, times
from ..kernel.errors import CacheDown
from ..membership.rooms import Rooms
from ..messaging.broadcast import Broadcast
from ..messaging.telling import Telling
from ..model.connections import Connection
from ..model.identifiers import ConnectionId, Region, RoomId, UserId
from ..model.rooms import Role, RoomType
from ..ports.audience import TypingState
from ..ports.queues import Queue
from ..ports.system import Clock

TYPING_EXPIRES_S = 6
AGAIN_MS = 2_500  # below the three seconds after which clients repeat a start
LATE_MS = 15_000
_VIEWS: Mapping[str, type[UserJoined | UserLeft]] = {
    each.name: each for each in (UserJoined, UserLeft)
}


class Ephemeral:
    def __init__(
        self,
        views: RoomViews,
        rooms: Rooms,
        telling: Telling,
        state: TypingState,
        broadcast: Broadcast,
        outbound: Queue,
        clock: Clock,
        region: Region,
    ) -> None:
        self._views = views
        self._rooms = rooms
        self._telling = telling
        self._state = state
        self._broadcast = broadcast
        self._outbound = outbound
        self._clock = clock
        self._region = region

    def join(self, connection: Connection, room_id: RoomId) -> None:
        """Open the room on this device; the user's first device causes `user_joined`."""
        if self._views.open(room_id, connection):
            self._announce(UserJoined, room_id, connection)

    def leave(self, connection: Connection, room_id: RoomId) -> None:
        """Close the room on this device; the user's last device causes `user_left`."""
        if self._views.close(room_id, connection.target):
            self._announce(UserLeft, room_id, connection)

    def typing(self, connection: Connection, room_id: RoomId, is_typing: bool) -> None:
        """Queue a start or stop of typing, and for a start also its end."""
        job = TellTyping(
            room_id=room_id,
            user_id=connection.user_id,
            origin=connection.target.origin,
            is_typing=is_typing,
            at_ms=self._clock.now_ms(),
        )
        jobs: list[TypingJob] = [job]
        if is_typing:
            jobs.append(_end_of(room_id, job.user_id, job.at_ms, job.origin))
        self._outbound.send(jobs)

    def tell_typing(self, job: TellTyping, attempt: int) -> None:
        """Post and publish a start or stop that changes something, unless it is late.

        An earlier attempt may have noted the change and failed before it was posted. So a later
        attempt posts it in any case, but for a start before the newest one.
        """
        if self._clock.now_ms() - job.at_ms > LATE_MS:
            return
        if self._post_typing(job, job.origin, attempt):
            relayed = RelayTyping(
                region=self._region,
                at_ms=job.at_ms,
                room_id=job.room_id,
                user_id=job.user_id,
                is_typing=job.is_typing,
            )
            self._broadcast.to_room(relayed, job.room_id)

    def relay_typing(self, job: RelayTyping, attempt: int) -> None:
        """Post another region's start or stop, and for a start queue its end."""
        if self._post_typing(job, None, attempt) and job.is_typing:
            end = _end_of(job.room_id, job.user_id, job.at_ms, ConnectionId(""))
            self._outbound.send([end])

    def end_typing(self, job: EndTyping, attempt: int) -> None:
        """End typing whose stop never came. Later attempts post as in `tell_typing`."""
        room_id, user_id = job.room_id, job.user_id
        try:
            if not self._state.stop_typing(room_id, user_id, job.at_ms) and attempt == 1:
                return
        except CacheDown:
            telemetry.log("WARNING", "typing_not_remembered")
        event = Typing(room_id, user_id, False, times.iso(self._clock.now_ms()))
        self._telling.tell_room(room_id, event, job.origin, retry=False)

    def tell_room_view(self, job: TellRoomView) -> None:
        """Post and publish `user_joined` or `user_left`; the former only of those still there."""
        if job.name == UserJoined.name and self._is_out(job.room_id, job.user_id):
            return
        self._tell_view(_VIEWS[job.name], job.room_id, job.user_id, job.origin, job.at_ms)

    def relay_room_view(self, job: RelayRoomView) -> None:
        """Post another region's `user_joined` or `user_left`, unless a newer one came before it.

        Not of a user who has the room open here, too: for this region's viewers they are there.
        """
        room_id, user_id = job.room_id, job.user_id
        viewers = self._views.audience(room_id)
        if not viewers or any(each.user_id == user_id for each in viewers):
            return
        try:
            if not self._state.newest_view(room_id, user_id, job.at_ms):
                return
        except CacheDown:
            telemetry.log("WARNING", "view_not_remembered")
        if job.name == UserJoined.name and self._is_parted(room_id, user_id):
            return
        event = _VIEWS[job.name](user_id, room_id, times.iso(job.at_ms))
        self._telling.tell_room(room_id, event, None, retry=True)

    def leave_all(self, job: LeaveRooms, attempt: int) -> None:
        """Remove a connection that ended from the rooms it had joined, and send `user_left`.

        An earlier attempt may have removed the connection and died before it sent the event. So a
        later attempt sends the event again.
        """
        target = job.target
        for room_id in job.rooms:
            last = self._views.close(room_id, target)
            if last or (attempt > 1 and self._is_out(room_id, target.user_id)):
                now_ms = self._clock.now_ms()
                self._tell_view(UserLeft, room_id, target.user_id, target.origin, now_ms)

    def _post_typing(
        self, job: TellTyping | RelayTyping, origin: ConnectionId | None, attempt: int
    ) -> bool:
        """Post a start or stop in this region; False if it changes nothing."""
        room_id, user_id, at_ms = job.room_id, job.user_id, job.at_ms
        try:
            if job.is_typing:
                again_ms = AGAIN_MS if attempt == 1 else 0
                changes = self._state.start_typing(room_id, user_id, at_ms, again_ms)
            else:
                changes = self._state.stop_typing(room_id, user_id, at_ms) or attempt > 1
            if not changes:
                return False
        except CacheDown:
            telemetry.log("WARNING", "typing_not_remembered")
        event = Typing(room_id, user_id, job.is_typing, times.iso(at_ms))
        self._telling.tell_room(room_id, event, origin, retry=False)
        return True

    def _tell_view(
        self,
        view: type[UserJoined | UserLeft],
        room_id: RoomId,
        user_id: UserId,
        origin: ConnectionId,
        at_ms: int,
    ) -> None:
        if view is UserJoined and self._is_parted(room_id, user_id):
            return
        event = view(user_id, room_id, times.iso(at_ms))
        self._telling.tell_room(room_id, event, origin, retry=True)
        relayed = RelayRoomView(
            region=self._region, at_ms=at_ms, name=view.name, room_id=room_id, user_id=user_id
        )
        self._broadcast.to_room(relayed, room_id)

    def _is_parted(self, room_id: RoomId, user_id: UserId) -> bool:
        """Whether it is a private chat in which one of the two has blocked the other."""
        if ids.room_type(room_id) is not RoomType.PRIVATE_CHAT:
            return False
        return self._rooms.members(room_id).get(user_id) is Role.READER

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


def _end_of(room_id: RoomId, user_id: UserId, at_ms: int, origin: ConnectionId) -> EndTyping:
    """The delayed job that ends typing that started then."""
    return EndTyping(
        room_id=room_id,
        user_id=user_id,
        origin=origin,
        is_typing=True,
        at_ms=at_ms,
        delay_s=TYPING_EXPIRES_S,
    )
