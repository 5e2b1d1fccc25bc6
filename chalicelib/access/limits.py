"""Rate limits: how often a user may do something. Token buckets in Redis, by user and action.

A websocket frame is charged in the round trip to Redis that it makes anyway. In a connection's
first frame in a process, the user is not known yet. So that frame is charged to a bucket of the
connection, and all later frames to the user's bucket. Together they allow at most twice the limit
for each connection. While Redis is away there is no limit; the metric `limits_open` counts that.
"""

from __future__ import annotations

from dataclasses import replace

from ..kernel import telemetry
from ..kernel.errors import CacheDown, RateLimited
from ..kernel.settings import Settings
from ..model.access import Charge
from ..model.identifiers import UserId
from ..ports.access import Buckets
from ..ports.system import Clock

OTHERS = "*"


class Limits:
    def __init__(self, settings: Settings, buckets: Buckets, clock: Clock) -> None:
        self._rates = settings.limits
        self._buckets = buckets
        self._clock = clock

    def charge(self, action: str) -> Charge:
        """Return the charge for an action: to its own bucket, or to the one for all others."""
        name = action if action in self._rates else OTHERS
        rate = self._rates[name]
        return Charge(name, rate.per_s, rate.burst, self._clock.now_ms())

    def spend(self, user_id: UserId, action: str) -> None:
        """Charge an HTTP request; `RateLimited` when the bucket is empty."""
        charge = self.charge(action)
        try:
            wait_ms = self._buckets.spend(replace(charge, payer=user_id))
        except CacheDown:
            telemetry.measure("limits_open", charge.now_ms, limits_open=1)
            return
        self.check(wait_ms)

    def check(self, wait_ms: int) -> None:
        """Raise `RateLimited` when there is a wait."""
        if wait_ms:
            telemetry.measure("rate_limited", self._clock.now_ms(), rate_limited=1)
            raise RateLimited(f"too many requests of this kind, try again in {wait_ms} ms")
