"""Links between regions: item by item, late, held back, lost with their region."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from workbench.stack.regions.changes import Change, ItemKey, Versions
from workbench.stack.regions.endpoint import Batch, ReplicaError
from workbench.stack.regions.network import Network
from workbench.stack.regions.replicator import Replicator

WITHIN_S = 20.0


class Region:
    """An `Endpoint` in memory."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: list[int] = []  # changes of each call of `apply`
        self.arrivals: list[tuple[str, float]] = []
        self.is_down = False
        self._news = asyncio.Event()
        self.lose_everything()

    def lose_everything(self) -> None:
        self.versions = Versions(self.name)
        self.held: dict[ItemKey, Change] = {}
        self.log: list[Change] = []

    def write(self, key: str, value: str | None) -> None:
        place = ItemKey("items", key)
        version = self.versions.written(place, time.time_ns())
        self._keep(Change(place, version, None if value is None else {"v": value}))
        self.log.append(self.held[place])

    def value(self, key: str) -> Any:
        change = self.held.get(ItemKey("items", key))
        return change.item["v"] if change and change.item else None

    async def changes(self, after: int | None, wait_s: float = 0.0) -> Batch:
        if self.is_down:
            raise ReplicaError("down")
        if after is None:
            return Batch(len(self.log), tuple(self.held.values()))
        if after == len(self.log):
            try:
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            except TimeoutError:
                pass
        return Batch(len(self.log), tuple(self.log[after:]))

    async def apply(self, changes: Sequence[Change]) -> int:
        if self.is_down:
            raise ReplicaError("down")
        self.calls.append(len(changes))
        for change in changes:
            if self.versions.beats(change.place, change.version):
                self.versions.copied(change.place, change.version)
                self.arrivals.append((change.place.key, time.time()))
                self._keep(change)
        return len(changes)

    def _keep(self, change: Change) -> None:
        self.held[change.place] = change
        self._news.set()
        self._news = asyncio.Event()

    async def until(self, key: str, value: str | None) -> None:
        async with asyncio.timeout(WITHIN_S):
            while self.value(key) != value:
                await self._news.wait()


class World:
    def __init__(self, *names: str) -> None:
        self.regions = {name: Region(name) for name in names}
        self.network = Network(names)
        self.replicator = Replicator(self.network, self.regions, random.Random(1))

    def __getitem__(self, name: str) -> Region:
        return self.regions[name]

    async def settle(self) -> None:
        """Until a write of each has come to all others: what was before it has, too."""
        for region in self.regions.values():
            region.write(f"mark {region.name}", str(time.time_ns()))
        for one in self.regions.values():
            for other in self.regions.values():
                await other.until(f"mark {one.name}", one.value(f"mark {one.name}"))


@asynccontextmanager
async def world(*names: str) -> AsyncIterator[World]:
    made = World(*names)
    made.replicator.start()
    try:
        yield made
    finally:
        await made.replicator.stop()


async def test_writes_and_deletions_reach_all_others() -> None:
    async with world("a", "b", "c") as each:
        each["a"].write("x", "1")
        await each["b"].until("x", "1")
        await each["c"].until("x", "1")
        each["c"].write("x", None)
        await each["a"].until("x", None)
        await each["b"].until("x", None)


async def test_what_was_there_before_is_copied_too() -> None:
    made = World("a", "b")
    made["a"].write("x", "1")
    made.replicator.start()
    await made["b"].until("x", "1")
    await made.replicator.stop()


async def test_a_copy_comes_as_late_as_its_lag_says() -> None:
    async with world("a", "b") as each:
        each.network.slow("a", lag_ms=300)
        wrote_s = time.time()
        each["a"].write("x", "1")
        each["b"].write("y", "1")
        await each["a"].until("y", "1")
        assert each["b"].value("x") is None, "the other direction is as quick as ever"
        await each["b"].until("x", "1")
        assert each["b"].arrivals[0][1] - wrote_s >= 0.3


async def test_with_jitter_items_overtake_each_other_and_the_last_write_stays() -> None:
    async with world("a", "b") as each:
        each.network.slow("a", lag_ms=0, jitter_ms=200)
        for n in range(30):
            each["a"].write(f"x{n}", "1")
            each["a"].write("same", str(n))
        await each.settle()
        order = [key for key, _ in each["b"].arrivals if key.startswith("x")]
        assert order != [f"x{n}" for n in range(30)]
        await each["b"].until("same", "29")


async def test_a_pause_holds_what_is_written_there_until_it_is_healed() -> None:
    async with world("a", "b") as each:
        await each.settle()
        each.network.pause("a")
        each["a"].write("x", "1")
        each["b"].write("y", "1")
        await each["a"].until("y", "1")
        assert each["b"].value("x") is None
        each.network.heal("a")
        await each["b"].until("x", "1")


async def test_a_partition_is_of_both_directions_and_heals_to_the_last_write() -> None:
    async with world("a", "b", "c") as each:
        await each.settle()
        each.network.partition("a")
        assert not each.network.joined("a", "b")
        assert each.network.joined("b", "c")
        each["a"].write("x", "first")
        each["b"].write("x", "second")
        each["a"].write("only a", "1")
        await each["c"].until("x", "second")
        assert each["a"].value("x") == "first"
        assert each["c"].value("only a") is None
        each.network.heal("a")
        await each["a"].until("x", "second")
        await each["b"].until("only a", "1")
        await each["c"].until("only a", "1")
        await each.settle()
        assert {region.value("x") for region in each.regions.values()} == {"second"}


async def test_a_partition_of_one_pair_leaves_the_others() -> None:
    async with world("a", "b", "c") as each:
        await each.settle()
        each.network.partition("a", "b")
        each["a"].write("x", "1")
        await each["c"].until("x", "1")
        assert each["b"].value("x") is None
        each.network.heal("b")
        await each["b"].until("x", "1")


async def test_a_region_that_does_not_answer_gets_it_when_it_does() -> None:
    async with world("a", "b") as each:
        await each.settle()
        each["b"].is_down = True
        each["a"].write("x", "1")
        each["b"].is_down = False
        await each["b"].until("x", "1")


async def test_a_lost_region_takes_with_it_what_was_under_way() -> None:
    async with world("a", "b", "c") as each:
        await each.settle()
        each.network.pause("a")
        each["a"].write("lost", "1")
        await each.replicator.forget("a")
        each.network.heal("a")
        each["a"].lose_everything()
        each["b"].write("meanwhile", "1")
        each.replicator.take_in("a")
        assert await each.replicator.until_even("a", WITHIN_S)
        assert each["a"].value("meanwhile") == "1"
        await each.settle()
        assert each["b"].value("lost") is None
        assert each["a"].value("mark b") == each["b"].value("mark b")


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_is_cut_and_healed_all_end_alike(seed: int) -> None:
    rng = random.Random(seed)
    async with world("a", "b", "c") as each:
        for n in range(120):
            region = rng.choice("abc")
            act = rng.random()
            if act < 0.05:
                each.network.partition(region)
            elif act < 0.1:
                each.network.pause(region)
            elif act < 0.15:
                each.network.slow(region, lag_ms=5, jitter_ms=20)
            elif act < 0.3:
                each.network.heal(region)
            else:
                each[region].write(rng.choice("xyz"), None if act > 0.9 else str(n))
            await asyncio.sleep(0)
        for region in "abc":
            each.network.heal(region)
        await each.settle()
        async with asyncio.timeout(WITHIN_S):
            while len({str([each[r].value(k) for k in "xyz"]) for r in "abc"}) > 1:
                await asyncio.sleep(0.01)
