"""Time, chance and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..model.metrics import Traffic


class Clock(Protocol):
    def now_ms(self) -> int:
        """Milliseconds since the epoch."""

    def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    def token(self) -> str:
        """A fresh unguessable id of 26 URL-safe characters."""

    def entropy(self) -> int:
        """64 random bits."""

    def jitter(self) -> float:
        """A random number in [0, 1)."""


class Metrics(Protocol):
    def put(self, values: Mapping[str, tuple[float, str]], at_ms: int) -> None:
        """Values with their CloudWatch units, by name."""


class TrafficCounts(Protocol):
    """What is counted for the metrics."""

    def note_connections(self, count: int) -> None:
        """The sweep has seen so many in this region; held for 300 s."""

    def traffic(self, now_ms: int) -> Traffic:
        """What was counted; the messages counted so far are forgotten (atomic)."""


class Reachable(Protocol):
    """Whether it can be reached at all."""

    def ping(self) -> None: ...
