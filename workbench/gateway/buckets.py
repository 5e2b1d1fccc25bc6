"""The account's request and connection rates."""

from __future__ import annotations

import time


class TokenBucket:
    """A token bucket with a capacity of one second's rate."""

    def __init__(self, rate_per_s: int) -> None:
        self._rate = rate_per_s
        self._level = float(rate_per_s)
        self._at = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._level = min(self._rate, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
