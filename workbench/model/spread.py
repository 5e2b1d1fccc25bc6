"""Percentiles of what was observed. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds of so many observations; zeros if there are none."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def spread(us: Iterable[int]) -> Spread:
    """The spread of times in microseconds."""
    ordered = sorted(us)
    if not ordered:
        return Spread(0, 0.0, 0.0, 0.0)
    found = (percentile(ordered, part) / 1000 for part in (0.5, 0.99, 1))
    return Spread(len(ordered), *found)


def percentile(ordered: Sequence[int], part: float) -> int:
    """The smallest value that at least this part of the values does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]
