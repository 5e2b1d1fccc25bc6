"""Rate limits: how often a user may do something. Token buckets in Redis, by user and action.

A websocket frame is charged in the round trip to Redis that it makes anyway. In a connection's
first frame in a process, the user is not known yet. So that frame is charged to a bucket of the
connection, and all later frames to the user's bucket. Together they allow at most twice the limit
for each connection.

What appends to a room is charged to the room's rate, too, and to the member's share of it: one
member alone cannot use the rate up. While Redis is away there is no limit; the metric
`limits_open` counts that.
"""

from __future__ import annotations

from dataclasses import replace

from ..kernel import telemetry
from ..kernel.errors import CacheDown, RateLimited
from ..kernel.settings import Settings
from ..model.access import Charge, RoomRate
from ..model.identifiers import RoomId, UserId
from ..model.lines import Turn
from ..ports.access import Buckets
from ..ports.lines import RoomBuckets
from ..ports.system import Clock

OTHERS = "*"


class Limits:
    def __init__(
        self, settings: Settings, buckets: Buckets, rooms: RoomBuckets, clock: Clock
    ) -> None:
        self._rates = settings.limits
        self._room = RoomRate(
            per_s=settings.room_rate.per_s,
            burst=settings.room_rate.burst,
            member_per_s=settings.room_rate.per_s * settings.room_share,
            member_burst=max(1, int(settings.room_rate.burst * settings.room_share)),
        )
        self._buckets = buckets
        self._rooms = rooms
        self._clock = clock

    def charge(self, action: str) -> Charge:
        """Return the charge for an action: to its own bucket, or to the one for all others.

        If the action appends to a room, the frame's turn is charged to the room's rate, too.
        """
        name = action if action in self._rates else OTHERS
        rate = self._rates[name]
        return Charge(name, rate.per_s, rate.burst, self._clock.now_ms(), room=self._room)

    def spend(self, user_id: UserId, action: str) -> None:
        """Charge an HTTP request; `RateLimited` when the bucket is empty."""
        charge = replace(self.charge(action), payer=user_id)
        try:
            wait_ms = self._buckets.spend(charge)
        except CacheDown:
            telemetry.measure("limits_open", charge.now_ms, limits_open=1)
            return
        self.check(wait_ms)

    def spend_room(self, user_id: UserId, room_id: RoomId, action: str) -> None:
        """Charge a member's HTTP request to the room that it appends to; `spend` comes before."""
        charge = replace(self.charge(action), payer=user_id)
        try:
            self._check_room(self._rooms.spend_room(room_id, charge))
        except CacheDown:
            telemetry.log("WARNING", "room_not_charged", room_id=room_id)

    def check(self, wait_ms: int) -> None:
        """Raise `RateLimited` when there is a wait."""
        if wait_ms:
            telemetry.measure("rate_limited", self._clock.now_ms(), rate_limited=1)
            raise RateLimited(f"too many requests of this kind, try again in {wait_ms} ms", wait_ms)

    def check_room(self, turn: Turn | None) -> None:
        """Raise `RateLimited` when the room's rate, or the member's share of it, is used up."""
        self._check_room(turn.wait_ms if turn is not None else 0)

    def _check_room(self, wait_ms: int) -> None:
        if wait_ms:
            telemetry.measure("rate_limited", self._clock.now_ms(), rate_limited=1)
            raise RateLimited(f"too many messages in this room, try again in {wait_ms} ms", wait_ms)
