"""What other regions have written to a room, as far as this region's replica has it.

A writer looks before it appends: the new entry's id is then above all that anybody in this region
can have seen, so an answer never comes before its question. With one region nothing is read.
"""

from __future__ import annotations

from ..kernel import ids, telemetry
from ..model.identifiers import MessageId, Region, RoomId
from ..ports.log import MessageLog
from ..ports.system import Clock

_SKEW_MS = 100  # smaller differences between clocks are not reported


class OtherRegions:
    """The regions of the deployment without this one."""

    def __init__(self, log: MessageLog, clock: Clock, regions: tuple[Region, ...] = ()) -> None:
        self._log = log
        self._clock = clock
        self._regions = regions

    def newest(self, room_id: RoomId) -> MessageId | None:
        """Return the newest id of other regions in a room, None for none.

        Look after the draft was made: what its sender had seen is then there. A clock that is
        ahead of this region's is reported.
        """
        if not self._regions:
            return None
        now_ms = self._clock.now_ms()
        found = self._log.elsewhere(room_id, self._regions, (), now_ms)
        newest = max((head.last_id or MessageId("") for head in found.heads.values()), default="")
        if not newest:
            return None
        ahead_ms = ids.time_ms(MessageId(newest)) - now_ms
        if ahead_ms > _SKEW_MS:
            telemetry.measure("clock_ahead", now_ms, clock_ahead_ms=ahead_ms)
        return MessageId(newest)
