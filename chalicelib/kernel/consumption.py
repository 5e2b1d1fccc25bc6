"""What DynamoDB has charged for a request so far, in request units.

The adapter adds what each answer names. Threads that a request starts add to the same count.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager

_READ_UNITS, _WRITE_UNITS = 10, 2  # that a token pays for; a unit written costs five read
FREE_READS, FREE_WRITES = 50, 20  # that each request may use for the tokens that it has paid


class Consumed:
    """Units of one request."""

    def __init__(self) -> None:
        self._reads: list[float] = []  # appending is atomic, adding is not
        self._writes: list[float] = []

    @property
    def owed(self) -> int:
        """Tokens for what is beyond the free units."""
        reads = max(0.0, sum(self._reads) - FREE_READS)
        writes = max(0.0, sum(self._writes) - FREE_WRITES)
        return round(reads / _READ_UNITS + writes / _WRITE_UNITS)

    def add(self, reads: float, writes: float) -> None:
        """Add what one call was charged."""
        self._reads.append(reads)
        self._writes.append(writes)


_consumed: contextvars.ContextVar[Consumed | None] = contextvars.ContextVar(
    "consumed", default=None
)


@contextmanager
def counted() -> Iterator[Consumed]:
    """Count what is charged inside."""
    consumed = Consumed()
    token = _consumed.set(consumed)
    try:
        yield consumed
    finally:
        _consumed.reset(token)


def add(reads: float = 0.0, writes: float = 0.0) -> None:
    """Add what a call was charged to the request that made it, if one is counted."""
    consumed = _consumed.get()
    if consumed is not None:
        consumed.add(reads, writes)
