"""What a request consumes, in tokens: as DynamoDB has charged, or as it is known before.

The adapter adds the request units that each answer names. Threads that a request starts add to the
same count.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager

_READ_UNITS, _WRITE_UNITS = 10, 2  # that a token pays for; a unit written costs five read
FREE_READS, FREE_WRITES = 50, 20  # that each request may use for the tokens that it has paid
_UNITS_OF_KB = 2  # that a transaction writes
_FREE_KB = 8  # of a message, for its first token: with the rest of its transaction, 20 units
# A post counts once for each 8 KB. A token pays for 100: one user's 100 tokens a second are more
# than the posts of a region (`TIDINGS_POSTS_PER_S`), so small posts need no other limit.
POSTED_BYTES = 8 * 1024
_POSTS, _FREE_POSTS = 100, 1_000


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


def tokens_to_write(size_bytes: int) -> int:
    """Return how many tokens a message of this size costs: one for the first 8 KB, and each KB."""
    kilobytes = -(-size_bytes // 1024)
    return 1 + max(0, kilobytes - _FREE_KB) * _UNITS_OF_KB // _WRITE_UNITS


def tokens_to_post(size_bytes: int, receivers: int) -> int:
    """Return how many more tokens the posts of a message to so many receivers cost."""
    posts = receivers * -(-size_bytes // POSTED_BYTES)
    return max(0, posts - _FREE_POSTS) // _POSTS
