"""What was counted for the metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was counted: connections at the last sweep, messages since the last asking.

    Attributes:
        seconds: The time in which the messages were; None when nobody has asked before.
    """

    connections: int | None
    messages: int
    seconds: float | None
