"""Waits."""

from __future__ import annotations

import random
from dataclasses import dataclass

_HIGHEST = 64  # 2**64 is beyond every longest pause, and still a float


@dataclass(frozen=True)
class Times:
    """In seconds.

    Attributes:
        call: For an answer, waiting for a connection included; for one connection to open and
            for one token.
        ping: Between heartbeats.
        hole: How long something may be missing between two live messages before it is asked for.
        pause, longest_pause: Bounds of the wait between two attempts.
    """

    call: float = 10.0
    ping: float = 200.0
    hole: float = 3.0
    pause: float = 0.4
    longest_pause: float = 10.0

    def backoff(self, attempt: int, share: float | None = None) -> float:
        """A random share of a limit that doubles with each attempt; the first is 1."""
        limit = min(self.longest_pause, self.pause * 2.0 ** min(attempt - 1, _HIGHEST))
        return (random.random() if share is None else share) * limit
