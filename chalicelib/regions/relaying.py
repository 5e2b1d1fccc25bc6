"""The effect in this region of events of other regions that no table holds.

Their jobs come from the inbox, at least once, in any order and sometimes late. An event is posted
to the connections of this region only. Nothing here publishes, so an event crosses once.
"""

from __future__ import annotations

from ..jobs.relayed import RelayDelivered, RelayedJob, RelayRoomView, RelayTyping
from ..kernel import telemetry
from ..ports.system import Clock
from ..social.ephemeral import Ephemeral
from ..social.receipts import Receipts


class Relaying:
    def __init__(self, ephemeral: Ephemeral, receipts: Receipts, clock: Clock) -> None:
        self._ephemeral = ephemeral
        self._receipts = receipts
        self._clock = clock

    def typing(self, job: RelayTyping, attempt: int) -> None:
        if self._is_useful(job):
            self._ephemeral.relay_typing(job, attempt)

    def room_view(self, job: RelayRoomView) -> None:
        if self._is_useful(job):
            self._ephemeral.relay_room_view(job)

    def delivered(self, job: RelayDelivered, attempt: int) -> None:
        if self._is_useful(job):
            self._receipts.relay_delivered(job, attempt)

    def _is_useful(self, job: RelayedJob) -> bool:
        """Count an event, and return whether it is young enough."""
        now_ms = self._clock.now_ms()
        is_useful = now_ms - job.at_ms <= job.useful_ms
        if is_useful:
            telemetry.measure("relayed", now_ms, events_relayed=1)
        else:
            telemetry.measure("relayed_too_late", now_ms, events_too_late=1)
        return is_useful
