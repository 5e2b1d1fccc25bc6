"""An operator's wish that all clients of this region connect elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drain:
    """A drain that is under way.

    Attributes:
        started_ms: When it was started; two drains of a region never have the same.
        over_ms: The time it should take; 0 for as fast as other regions can take the clients.
    """

    started_ms: int
    over_ms: int = 0
