"""Replication between the global tables of regions: eventual, item by item, as on AWS.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
What a link has taken and not yet brought is lost when its region is: see `Replicator.forget`.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from .changes import Change
from .endpoint import Batch, ReplicaError
from .network import Network

logger = logging.getLogger("tidings.stack")
_ONCE = 100  # changes in one call
_MOST_TAKEN = 10_000
_AGAIN_S = 0.2
_WAIT_S = 10.0


class Endpoint(Protocol):
    """A region's replica; see `ReplicaEndpoint`."""

    async def changes(self, after: int | None, wait_s: float = 0.0) -> Batch: ...

    async def apply(self, changes: Sequence[Change]) -> int: ...


class Link:
    """Copies changes from one region to another, from everything that is there on.

    Args:
        ends: (source, destination).
        is_up: Whether a region's DynamoDB answers.
    """

    def __init__(
        self,
        network: Network,
        ends: tuple[str, str],
        source: Endpoint,
        destination: Endpoint,
        rng: random.Random,
        is_up: Callable[[str], bool],
    ) -> None:
        self._network = network
        self._ends = ends
        self._source = source
        self._destination = destination
        self._rng = rng
        self._is_up = is_up
        self._numbers = itertools.count()
        self._taken: list[tuple[float, int, Change]] = []  # by when each is due, a heap
        self._tasks: list[asyncio.Task[None]] = []
        self._has_first = False
        self.is_even = asyncio.Event()  # what was there when it began has been brought

    @property
    def waiting(self) -> int:
        """How many changes it has taken and not brought."""
        return len(self._taken)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._take()), asyncio.create_task(self._bring())]

    async def stop(self) -> None:
        """Forget what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._taken.clear()

    async def _take(self) -> None:
        after: int | None = None
        while True:
            await self._network.until(self._is_open)
            if len(self._taken) >= _MOST_TAKEN:
                await self._network.wait(_AGAIN_S)
                continue
            try:
                batch = await self._source.changes(after, 0.0 if after is None else _WAIT_S)
            except ReplicaError as fault:
                logger.debug("replication from %s to %s: %s", *self._ends, fault)
                await asyncio.sleep(_AGAIN_S)
                continue
            # What was written while the line was cut stays there until it is joined.
            await self._network.until(self._is_open)
            after = batch.next
            pace = self._network.pace(*self._ends)
            for change in batch.changes:
                late_ms = pace.lag_ms + pace.jitter_ms * self._rng.random()
                due_s = change.version.at_ns / 1e9 + late_ms / 1000
                heapq.heappush(self._taken, (due_s, next(self._numbers), change))
            self._has_first = True
            self._network.changed()

    async def _bring(self) -> None:
        while True:
            if self._has_first and not self._taken:
                self.is_even.set()
            if not self._taken or self._is_held():
                await self._network.wait()
                continue
            late_s = self._taken[0][0] - time.time()
            if late_s > 0:
                await self._network.wait(late_s)
                continue
            due = [heapq.heappop(self._taken) for _ in range(min(_ONCE, self._due()))]
            try:
                await self._destination.apply([change for _, _, change in due])
            except ReplicaError as fault:
                logger.debug("replication from %s to %s: %s", *self._ends, fault)
                for each in due:
                    heapq.heappush(self._taken, each)
                await asyncio.sleep(_AGAIN_S)

    def _is_held(self) -> bool:
        return self._network.pace(*self._ends).paused or not self._is_open()

    def _is_open(self) -> bool:
        return self._network.joined(*self._ends) and all(map(self._is_up, self._ends))

    def _due(self) -> int:
        now_s = time.time()
        return sum(due_s <= now_s for due_s, _, _ in self._taken)


class Replicator:
    """Links between all pairs of regions.

    Args:
        is_up: Whether a region's DynamoDB answers; `Network.changed` tells when that has changed.
    """

    def __init__(
        self,
        network: Network,
        endpoints: Mapping[str, Endpoint],
        rng: random.Random | None = None,
        is_up: Callable[[str], bool] = lambda region: True,
    ) -> None:
        self._network = network
        self._endpoints = endpoints
        self._rng = rng or random.Random()
        self._is_up = is_up
        self._links: dict[tuple[str, str], Link] = {}

    def start(self) -> None:
        for ends in itertools.permutations(self._endpoints, 2):
            self._start(ends)

    async def stop(self) -> None:
        await asyncio.gather(*(link.stop() for link in self._links.values()))
        self._links.clear()

    async def forget(self, region: str) -> None:
        """The region is lost, with all that was under way from it; and what was to it, too."""
        for ends in [ends for ends in self._links if region in ends]:
            await self._links.pop(ends).stop()

    def take_in(self, region: str) -> None:
        """The region is back: it gets everything that the others have, and they what it has."""
        for ends in itertools.permutations(self._endpoints, 2):
            if region in ends and ends not in self._links:
                self._start(ends)

    async def until_even(self, region: str, within_s: float) -> bool:
        """Wait until a region has what was there when it was taken in; whether it came to that."""
        links = [link for (_, there), link in self._links.items() if there == region]
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(link.is_even.wait() for link in links))
        except TimeoutError:
            return False
        return True

    def waiting(self) -> dict[tuple[str, str], int]:
        """Changes that were taken and not brought, by (source, destination)."""
        return {ends: link.waiting for ends, link in self._links.items()}

    def _start(self, ends: tuple[str, str]) -> None:
        source, destination = (self._endpoints[region] for region in ends)
        link = Link(self._network, ends, source, destination, self._rng, self._is_up)
        self._links[ends] = link
        link.start()
