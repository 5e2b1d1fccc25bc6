"""Lambda's event source mappings of the streams of a region's tables.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from workbench.gateway import FunctionError, Invoker

from ..pumps import settle
from .endpoint import Records, ReplicaError
from .filters import Pattern, matches

logger = logging.getLogger("tidings.stack")
_WAIT_S = 15.0
_AGAIN_S, _LONGEST_PAUSE_S, _DOUBLED = 0.2, 2.0, 4
_FUNCTION_S = 60.0


class Source(Protocol):
    """The streams of a region; see `ReplicaEndpoint` and `TableStreams`."""

    async def stream(
        self, table: str, stream: str | None, after: int, *, most: int, wait_s: float
    ) -> Records: ...

    async def close(self) -> None: ...


class StreamPump:
    """The event source mapping of one table's stream: one shard, in order, from its beginning.

    A batch that fails is repeated until it does not: Lambda does so until its records expire.

    Args:
        table: Its full name.
        patterns: The function gets the records that match one of them.
        batch_size: Records that are read at once at most.
    """

    def __init__(
        self,
        source: Source,
        table: str,
        patterns: Sequence[Pattern],
        *,
        function: str,
        invoker: Invoker,
        batch_size: int,
    ) -> None:
        self._source = source
        self._table = table
        self._patterns = patterns
        self._function = function
        self._invoker = invoker
        self._batch_size = batch_size
        self._stream: str | None = None
        self._after = 0
        self._is_invoking = False
        self._stopping = False
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._loop = asyncio.create_task(self._run())

    async def stop(self, within_s: float = 5.0) -> None:
        """Read no more and wait, bounded, for a running batch."""
        self._stopping = True
        if self._loop is not None:
            await settle([self._loop], within_s if self._is_invoking else 0.0)

    async def _run(self) -> None:
        while not self._stopping:
            read = await self._read()
            if read.missed:
                logger.error("%d records of %s are no longer kept", read.missed, self._table)
            if records := [each for each in read.records if self._passes(each)]:
                await self._invoke(records)
            self._stream, self._after = read.stream, read.next

    def _passes(self, record: Mapping[str, Any]) -> bool:
        return any(matches(each, record) for each in self._patterns)

    async def _read(self) -> Records:
        failures = 0
        while True:
            try:
                return await self._source.stream(
                    self._table, self._stream, self._after, most=self._batch_size, wait_s=_WAIT_S
                )
            except ReplicaError as fault:
                level = logging.DEBUG if failures else logging.WARNING
                logger.log(level, "reading the stream of %s: %s", self._table, fault)
            await _pause(failures)
            failures += 1

    async def _invoke(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Until the function returns, or the pump is stopped."""
        failures = 0
        while True:
            self._is_invoking = True
            try:
                event = {"Records": records}
                await self._invoker.invoke(self._function, event, _FUNCTION_S)
                return
            except (FunctionError, TimeoutError) as fault:
                logger.warning("%s failed for %d records: %s", self._function, len(records), fault)
            finally:
                self._is_invoking = False
            if self._stopping:
                return
            await _pause(failures)
            failures += 1


class StreamPumps:
    """Those of all tables of a region of which records call the function.

    Args:
        filters: By the table's short name.
    """

    def __init__(
        self,
        source: Source,
        prefix: str,
        filters: Mapping[str, Sequence[Pattern]],
        *,
        function: str,
        invoker: Invoker,
        batch_size: int,
    ) -> None:
        self._source = source
        self._pumps = [
            StreamPump(
                source,
                f"{prefix}-{table}",
                patterns,
                function=function,
                invoker=invoker,
                batch_size=batch_size,
            )
            for table, patterns in filters.items()
        ]

    def __len__(self) -> int:
        return len(self._pumps)

    async def start(self) -> None:
        for pump in self._pumps:
            await pump.start()

    async def stop(self) -> None:
        await asyncio.gather(*(pump.stop() for pump in self._pumps))
        await self._source.close()


async def _pause(failures: int) -> None:
    await asyncio.sleep(min(_LONGEST_PAUSE_S, _AGAIN_S * 2 ** min(failures, _DOUBLED)))
