"""The event source mapping of a table's stream: what calls the function, and what is repeated."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from workbench.gateway import FunctionError
from workbench.stack.regions.changes import ItemKey
from workbench.stack.regions.endpoint import Records, ReplicaError
from workbench.stack.regions.stream import TableStream
from workbench.stack.regions.stream_pumps import StreamPump

TABLE = "tidings-rooms"
INSERTS = {"eventName": ["INSERT"]}
WITHIN_S = 15.0


class Replica:
    """A `Source` in memory, which can be away and be started again."""

    def __init__(self) -> None:
        self.is_away = False
        self.asked = asyncio.Event()
        self._now_ns = itertools.count(10**18, 10**6).__next__
        self.start()

    def start(self) -> None:
        """As an emulator of which all was lost."""
        self._stream = TableStream(TABLE, "eu-west-1", self._now_ns)

    def add(self, *names: str) -> None:
        for name in names:
            place = ItemKey.of(TABLE, ("room_id",), {"room_id": {"S": name}})
            self._stream.add(place, None, {"room_id": {"S": name}})

    def remove(self, name: str) -> None:
        place = ItemKey.of(TABLE, ("room_id",), {"room_id": {"S": name}})
        self._stream.add(place, {"room_id": {"S": name}}, None)

    async def stream(
        self, table: str, stream: str | None, after: int, *, most: int, wait_s: float
    ) -> Records:
        self.asked.set()
        if self.is_away:
            raise ReplicaError("away")
        answer = await self._stream.read(stream, after, most, wait_s)
        return Records(answer["stream"], answer["next"], answer["missed"], answer["records"])

    async def close(self) -> None:
        pass


class Recorder:
    """An invoker that keeps the rooms of each batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.failures = 0
        self.may_return = asyncio.Event()
        self.may_return.set()
        self._changed = asyncio.Condition()

    async def invoke(self, function: str, event: Mapping[str, Any], timeout_s: float) -> Any:
        keys = [each["dynamodb"]["Keys"]["room_id"]["S"] for each in event["Records"]]
        async with self._changed:
            self.batches.append(keys)
            self._changed.notify_all()
        await self.may_return.wait()
        if self.failures:
            self.failures -= 1
            raise FunctionError("Unavailable", "a queue does not answer")

    @property
    def rooms(self) -> list[str]:
        return [room for batch in self.batches for room in batch]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S), self._changed:
            await self._changed.wait_for(condition)


@contextlib.asynccontextmanager
async def pumping(replica: Replica, invoker: Recorder) -> AsyncIterator[StreamPump]:
    pump = StreamPump(
        replica, TABLE, [INSERTS], function="replicated", invoker=invoker, batch_size=2
    )
    await pump.start()
    try:
        yield pump
    finally:
        await pump.stop()


async def test_records_come_in_order_in_batches_from_the_oldest_on() -> None:
    replica, invoker = Replica(), Recorder()
    replica.add("a", "b", "c")
    async with pumping(replica, invoker):
        await invoker.until(lambda: len(invoker.rooms) == 3)
        replica.add("d")
        await invoker.until(lambda: len(invoker.rooms) == 4)
    assert invoker.batches == [["a", "b"], ["c"], ["d"]]


async def test_what_the_pattern_leaves_out_calls_nothing() -> None:
    replica, invoker = Replica(), Recorder()
    async with pumping(replica, invoker):
        replica.remove("x")
        replica.remove("y")
        replica.add("a")
        await invoker.until(lambda: bool(invoker.batches))
    assert invoker.batches == [["a"]]


async def test_a_batch_that_fails_is_repeated_before_what_follows() -> None:
    replica, invoker = Replica(), Recorder()
    invoker.failures = 2
    replica.add("a", "b", "c")
    async with pumping(replica, invoker):
        await invoker.until(lambda: invoker.rooms[-1:] == ["c"])
    assert invoker.batches == [["a", "b"], ["a", "b"], ["a", "b"], ["c"]]


async def test_it_waits_for_a_table_that_does_not_answer() -> None:
    replica, invoker = Replica(), Recorder()
    replica.is_away = True
    replica.add("a")
    async with pumping(replica, invoker):
        async with asyncio.timeout(WITHIN_S):
            await replica.asked.wait()
        replica.is_away = False
        await invoker.until(lambda: bool(invoker.batches))
    assert invoker.batches == [["a"]]


async def test_an_emulator_that_was_started_again_is_read_from_its_beginning() -> None:
    replica, invoker = Replica(), Recorder()
    replica.add("a", "b", "c")
    async with pumping(replica, invoker):
        await invoker.until(lambda: invoker.rooms == ["a", "b", "c"])
        replica.add("d")
        await invoker.until(lambda: invoker.rooms[-1] == "d")
        waited = replica._stream
        replica.start()
        replica.add("e")
        waited.add(ItemKey.of(TABLE, ("room_id",), {"room_id": {"S": "z"}}), {}, None)
        await invoker.until(lambda: invoker.rooms[-1] == "e")


async def test_it_stops_while_it_waits_and_while_a_batch_runs() -> None:
    replica, invoker = Replica(), Recorder()
    async with pumping(replica, invoker):
        pass
    invoker.may_return.clear()
    replica.add("a", "b", "c")
    async with pumping(replica, invoker) as pump:
        await invoker.until(lambda: bool(invoker.batches))
        stopping = asyncio.create_task(pump.stop(WITHIN_S))
        await asyncio.sleep(0)
        invoker.may_return.set()
        await stopping
    assert invoker.batches == [["a", "b"]], "no more were read"
