"""The clock and randomness: the only module that reads either."""

from __future__ import annotations

import random
import secrets
import time

from ..kernel import ids

monotonic_s = time.monotonic


class SystemClock:
    """Wall-clock milliseconds."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SystemIds:
    """Unguessable ids from the operating system."""

    def token(self) -> str:
        return ids.encode(secrets.randbits(128))

    def entropy(self) -> int:
        return secrets.randbits(64)

    def jitter(self) -> float:
        return random.random()
