"""The lines between regions: which are cut, and what goes slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Pace:
    """How changes of global tables travel from one region to another.

    Attributes:
        lag_ms: From the write to its copy, at least.
        jitter_ms: Up to so much more for each item, so that items overtake each other.
    """

    lag_ms: float = 0.0
    jitter_ms: float = 0.0
    paused: bool = False


class Network:
    """The state of all lines between regions. Not thread-safe."""

    def __init__(self, regions: Collection[str]) -> None:
        self.regions = tuple(regions)
        self._cut: set[frozenset[str]] = set()
        self._paces: dict[tuple[str, str], Pace] = {}
        self._changed = asyncio.Event()

    def pace(self, source: str, destination: str) -> Pace:
        return self._paces.get((source, destination), Pace())

    def joined(self, one: str, other: str) -> bool:
        """Whether anything passes between them."""
        return frozenset((one, other)) not in self._cut

    def partition(self, region: str, peer: str | None = None) -> None:
        """Let nothing pass between the region and its peer, or all others."""
        self._cut |= {frozenset((region, other)) for other in self._others(region, peer)}
        self.changed()

    def slow(
        self, region: str, peer: str | None = None, *, lag_ms: float, jitter_ms: float = 0.0
    ) -> None:
        """Let what is written in the region arrive late at its peer, or all others."""
        for other in self._others(region, peer):
            pace = replace(self.pace(region, other), lag_ms=lag_ms, jitter_ms=jitter_ms)
            self._paces[region, other] = pace
        self.changed()

    def pause(self, region: str, peer: str | None = None) -> None:
        """Keep what is written in the region from its peer, or all others."""
        for other in self._others(region, peer):
            self._paces[region, other] = replace(self.pace(region, other), paused=True)
        self.changed()

    def heal(self, region: str) -> None:
        """All lines from and to the region are as they were."""
        self._cut = {pair for pair in self._cut if region not in pair}
        self._paces = {pair: pace for pair, pace in self._paces.items() if region not in pair}
        self.changed()

    def faults(self, region: str) -> dict[str, object]:
        """What is wrong with the lines of a region, by peer."""
        found: dict[str, object] = {}
        for other in self._others(region, None):
            pace, words = self.pace(region, other), []
            if frozenset((region, other)) in self._cut:
                words.append("partition")
            if pace.paused:
                words.append("pause")
            if pace.lag_ms or pace.jitter_ms:
                words.append(f"lag {pace.lag_ms:g} ms + {pace.jitter_ms:g} ms")
            if words:
                found[other] = ", ".join(words)
        return found

    def changed(self) -> None:
        """Let all who wait look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, within_s: float | None = None) -> None:
        """Until something has changed, or the time is over."""
        try:
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def until(self, holds: Callable[[], bool]) -> None:
        """Until it does; it is looked at again whenever something has changed."""
        while not holds():
            await self.wait()

    async def until_joined(self, one: str, other: str) -> None:
        await self.until(lambda: self.joined(one, other))

    def _others(self, region: str, peer: str | None) -> Iterator[str]:
        return (each for each in self.regions if each != region and peer in (None, each))
