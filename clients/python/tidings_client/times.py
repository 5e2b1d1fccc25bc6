"""The client's timeouts and waits."""

from __future__ import annotations

import random
from dataclasses import dataclass

_HIGHEST = 64  # 2**64 is beyond every longest pause, and still a float


@dataclass(frozen=True)
class Times:
    """Timeouts and waits in seconds.

    Attributes:
        call: The wait for an answer, including the wait for a connection; also the wait for a
            connection to open, and for a token.
        retry: How long `call`, `join` and `leave` go on, also to wait for a connection.
        keep: How long `send` goes on: the server knows a message that it has stored for 24 hours.
        ping: The time between heartbeats.
        hole: How long a message between two live ones may be missing before it is requested.
        look: The wait for an answer of one region about the others.
        pause, longest_pause: Limits of the wait between two attempts.
    """

    call: float = 10.0
    retry: float = 60.0
    keep: float = 86_400.0
    ping: float = 200.0
    hole: float = 3.0
    look: float = 3.0
    pause: float = 0.4
    longest_pause: float = 10.0

    def backoff(self, attempt: int, share: float | None = None) -> float:
        """A random share of a limit that doubles with each attempt; the first attempt is 1."""
        limit = min(self.longest_pause, self.pause * 2.0 ** min(attempt - 1, _HIGHEST))
        return (random.random() if share is None else share) * limit
