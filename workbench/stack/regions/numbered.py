"""The newest of a growing series, each with a number, for readers who remember how far they are."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")
_LONGEST_WAIT_S = 20.0


class Numbered(Generic[T]):
    """A series that keeps at most `most` of its newest. Not thread-safe."""

    def __init__(self, most: int) -> None:
        self._kept: deque[T] = deque(maxlen=most)
        self._more = asyncio.Event()
        self.end = 0  # the number of the newest; the first one has 1

    @property
    def start(self) -> int:
        """The number before the oldest that is kept."""
        return self.end - len(self._kept)

    def append(self, one: T) -> None:
        self._kept.append(one)
        self.end += 1
        self._more.set()
        self._more = asyncio.Event()

    def after(self, number: int, most: int) -> list[T]:
        """The next ones, oldest first; `number` is from `start` to `end`."""
        first = number - self.start
        return [self._kept[n] for n in range(first, min(first + most, len(self._kept)))]

    async def wait(self, wait_s: float) -> None:
        """Until one is added, or the time is over; 20 seconds at most."""
        try:
            async with asyncio.timeout(min(wait_s, _LONGEST_WAIT_S)):
                await self._more.wait()
        except TimeoutError:
            return
