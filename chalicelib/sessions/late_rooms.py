"""Rooms that a device could not be told of, because the index of a user's rooms lags.

Which rooms a user is in is read from an index that is eventually consistent, usually within a
second. A device that connects right after it was added to a room may get an answer without that
room. So what a device was told of all its rooms is completed by a second look: a socket that can
recover gets the entries of its new rooms, and other devices get `room_updated`, upon which a client
syncs the room.
"""

from __future__ import annotations

from .. import wire
from ..contract import events
from ..contract.events import RoomUpdated
from ..jobs.delivery import DeliverToRecovering
from ..jobs.outbound import LookForRooms
from ..kernel import telemetry, times
from ..kernel.errors import CacheDown
from ..membership.rooms import Rooms
from ..messaging.reading import MessageReader
from ..messaging.telling import Telling
from ..model.connections import Target
from ..model.rooms import CLOCKS_MS, Member
from ..ports.queues import Queue
from ..ports.sessions import Trails
from ..ports.system import Clock

LOOK_AFTER_S = 30
YOUNG_MS = 300_000  # memberships this old were in the index at the first look


class LateRooms:
    def __init__(
        self,
        *,
        rooms: Rooms,
        reader: MessageReader,
        trails: Trails,
        telling: Telling,
        delivery: Queue,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._rooms = rooms
        self._reader = reader
        self._trails = trails
        self._telling = telling
        self._delivery = delivery
        self._outbound = outbound
        self._clock = clock

    def look_later(self, target: Target) -> None:
        """Queue the second look for a device that was just told of all its rooms."""
        at_ms = self._clock.now_ms()
        self._outbound.send([LookForRooms(target=target, at_ms=at_ms, delay_s=LOOK_AFTER_S)])

    def look(self, job: LookForRooms) -> None:
        """Tell the device of rooms that the user joined shortly before the first look."""
        target = job.target
        joined = [
            member
            for member in self._rooms.joined_since(target.user_id, job.at_ms - YOUNG_MS)
            if wire.takes(target.protocol, events.of_message(member.room_id).name)
        ]
        if not joined:
            return
        if wire.recovers(target.protocol):
            self._deliver(target, joined)
            return
        for member in joined:
            joined_at = times.iso(member.joined_at_ms)
            event = RoomUpdated(member.room_id, "member_added", target.user_id, joined_at)
            self._telling.tell([target.user_id], event)

    def _deliver(self, target: Target, joined: list[Member]) -> None:
        """Queue the newest entry of each stream that the socket was never sent.

        Before it, the socket is sent all entries since the user joined. What is older is not
        queued: the socket may have it from an earlier membership, of which its trail knows nothing.
        """
        try:
            sent = self._trails.sent([target.sid])
        except CacheDown:
            telemetry.log("WARNING", "late_rooms_without_trail")
            return  # the socket is closed at its next entry, and comes back with its offset
        if target.sid not in sent:
            return
        seen = sent[target.sid].seen
        since = {each.room_id: each.joined_at_ms - CLOCKS_MS for each in joined}
        for (room_id, region), head in self._reader.seqs(list(since)).items():
            if not head or (room_id, region) in seen:
                continue
            # Of another region's stream no more than delivery has: what follows a hole waits.
            is_own = region == self._reader.regions[0]
            seq = head if is_own else min(head, self._reader.whole(room_id, region).seq)
            if seq:
                newest = self._reader.entries_between(room_id, region, seq - 1, seq)
                due = [each for each in newest if each.timestamp_ms >= since[room_id]]
                if due:
                    self._delivery.send(
                        [DeliverToRecovering(entry=each, target=target) for each in due]
                    )
