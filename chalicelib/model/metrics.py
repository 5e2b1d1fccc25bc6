"""Counts for the metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traffic:
    """Connections at the last sweep, and messages since the last report.

    Attributes:
        seconds: Seconds since the last report, in which the messages were counted; None for the
            first report.
    """

    connections: int | None
    messages: int
    seconds: float | None
