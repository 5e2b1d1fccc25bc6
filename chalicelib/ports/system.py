"""Time, randomness and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from ..model.metrics import Traffic

T = TypeVar("T")


class Clock(Protocol):
    def now_ms(self) -> int:
        """Milliseconds since the epoch."""

    def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    def token(self) -> str:
        """A new unguessable id of 26 URL-safe characters."""

    def entropy(self) -> int:
        """64 random bits."""

    def jitter(self) -> float:
        """A random number in [0, 1)."""


class Parallel(Protocol):
    """Calls that run side by side, each with the caller's context variables."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Run all calls, up to 16 at a time, and return their results in order.

        When a call raises, its exception is raised after all calls have ended.
        """


class Metrics(Protocol):
    def put(self, values: Mapping[str, tuple[float, str]], at_ms: int) -> None:
        """Store values with their CloudWatch units, by name."""


class TrafficCounts(Protocol):
    """Counts for the metrics."""

    def note_connections(self, count: int) -> None:
        """Store how many connections the sweep found in this region, for 300 s."""

    def traffic(self, now_ms: int) -> Traffic:
        """Return the counts and reset the count of messages (atomic)."""


class Reachable(Protocol):
    """Whether the service can be reached."""

    def ping(self) -> None: ...
