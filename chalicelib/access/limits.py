"""Limits: how often a user may do what. Token buckets in Redis, by user and action.

A websocket frame pays in the round trip it makes anyway. Redis is asked before it can say whose
the connection is, so the first frame of a connection in a process pays from a bucket of the
connection's own, and all later ones from the user's: together at most twice the limit for each
connection. While Redis is away nobody is limited, and the metric `limits_open` counts it.
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
        """What the action costs: a token of its own bucket, or of the one for all others."""
        name = action if action in self._rates else OTHERS
        rate = self._rates[name]
        return Charge(name, rate.per_s, rate.burst, self._clock.now_ms())

    def spend(self, user_id: UserId, action: str) -> None:
        """Pay for an HTTP request; `RateLimited` when the bucket is empty."""
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
            raise RateLimited(f"too many of these: again in {wait_ms} ms")
