"""A process's allowance of posts, leased from the budget that all processes share."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ...kernel.errors import CacheDown
from ...ports.system import Clock

_LEASE_MS, _LEASE_AHEAD = 1000, 64


class Allowance:
    """The posts that this process may make: leases from the shared budget, valid for a second.

    A busy process leases in one call as much as it used in the last second (at most 64 ahead), a
    quiet one exactly what it needs. While the cache is down, it uses a local bucket of
    `fallback_per_s` instead.
    """

    def __init__(self, budget: Callable[[int], int], fallback_per_s: int, clock: Clock) -> None:
        self._budget, self._fallback_per_s, self._clock = budget, fallback_per_s, clock
        self._lock = threading.Lock()
        self._left, self._until_ms = 0, 0
        self._window_ms, self._taken = 0, 0
        self._bucket, self._filled_ms = float(fallback_per_s), clock.now_ms()

    def take(self, wanted: int) -> int:
        with self._lock:
            now_ms = self._clock.now_ms()
            if now_ms - self._window_ms >= _LEASE_MS:
                self._window_ms, self._taken = now_ms, 0
            if now_ms >= self._until_ms:
                self._left = 0
            if self._left < wanted:
                self._lease(wanted, now_ms)
            granted = min(wanted, self._left)
            self._left -= granted
            self._taken += granted
            return granted

    def _lease(self, wanted: int, now_ms: int) -> None:
        missing = wanted - self._left
        try:
            granted = self._budget(max(missing, min(self._taken, _LEASE_AHEAD)))
        except CacheDown:
            granted = self._local(missing, now_ms)
        if granted > 0:
            self._left += granted
            self._until_ms = now_ms + _LEASE_MS

    def _local(self, wanted: int, now_ms: int) -> int:
        refill = (now_ms - self._filled_ms) * self._fallback_per_s / 1000
        self._bucket = min(float(self._fallback_per_s), self._bucket + max(0.0, refill))
        self._filled_ms = now_ms
        granted = min(wanted, int(self._bucket))
        self._bucket -= granted
        return granted
