"""Triggers in process: SQS's event source mappings and EventBridge's schedules.

Owns receiving, invoking, deleting and timing; what an answer means is in `records`. A pump
long-polls, and polls at once when nudged: ministack looks at a queue every 100 ms during a long
poll, while the stack nudges whenever an invocation ends and may have sent something.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from workbench.gateway import FunctionError, Invoker

from .records import ACCOUNT, failed_ids, scheduled_event, sqs_event
from .sqs import Message, Queues, SqsError

logger = logging.getLogger("tidings.stack")
_WAIT_S = 1
_RETRY_S = 0.5


class QueuePump:
    """Lambda's event source mapping of one queue, with partial batch responses.

    A FIFO batch may hold several message groups, as on AWS; a group's next messages come only
    when its last batch is done, which the queue itself sees to.

    Args:
        client: Of SQS, for this pump alone.
        queue_url: The queue.
        fifo: Told for the log and the defaults only; order is the queue's.
        function: Invoked with each batch.
        batch_size: Messages per batch at most, 1 to 10.
        visibility_s: How long a received message stays hidden; also the function's time.
        concurrency: Batches at once at most.
    """

    def __init__(
        self,
        client: Queues,
        queue_url: str,
        *,
        fifo: bool,
        function: str,
        invoker: Invoker,
        batch_size: int = 10,
        visibility_s: int = 60,
        concurrency: int = 10,
        region: str = "us-east-1",
    ) -> None:
        self.queue_url = queue_url
        self.fifo = fifo
        self._function = function
        self._invoker = invoker
        self._batch_size = batch_size
        self._visibility_s = visibility_s
        self._client = client
        self._arn = f"arn:aws:sqs:{region}:{ACCOUNT}:{queue_url.rsplit('/', 1)[-1]}"
        self._slots = asyncio.Semaphore(concurrency)
        self._nudged = asyncio.Event()
        self._stopping = False
        self._loops: list[asyncio.Task[None]] = []
        self._batches: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._loops = [
            asyncio.create_task(self._long_polls()),
            asyncio.create_task(self._short_polls()),
        ]

    async def stop(self, within_s: float = 5.0) -> None:
        """Receive no more and wait, bounded, for the running batches."""
        self._stopping = True
        self._nudged.set()
        # A long poll is waited for, not cut: what it received would stay hidden.
        await settle(self._loops, _WAIT_S + 1.0)
        await settle(list(self._batches), within_s)
        await self._client.close()

    def nudge(self) -> None:
        """Look at the queue now. Call it from the pump's own event loop."""
        self._nudged.set()

    async def _long_polls(self) -> None:
        while not self._stopping:
            await self._poll(_WAIT_S)

    async def _short_polls(self) -> None:
        while not self._stopping:
            await self._nudged.wait()
            self._nudged.clear()
            if not self._stopping and await self._poll(0):
                self._nudged.set()  # there may be more

    async def _poll(self, wait_s: int) -> bool:
        """Receive once and start a batch in the background; whether there was one."""
        async with self._slots:
            pass  # all busy: leave the messages to be received when one is free
        try:
            messages = await self._client.receive(
                self.queue_url, self._batch_size, wait_s, self._visibility_s
            )
        except SqsError as error:
            if not self._stopping:
                logger.warning("receiving for %s: %s", self._function, error)
                await asyncio.sleep(_RETRY_S)
            return False
        if messages:
            _spawn(self._batches, self._batch(messages))
        return bool(messages)

    async def _batch(self, messages: list[Message]) -> None:
        async with self._slots:
            failed = await self._invoke(messages)
        done = [m["ReceiptHandle"] for m in messages if m["MessageId"] not in failed]
        if done:
            try:
                await self._client.delete(self.queue_url, done)
            except SqsError as error:
                logger.warning("deleting for %s: %s", self._function, error)
        self.nudge()  # the groups are free again

    async def _invoke(self, messages: list[Message]) -> set[str]:
        """The ids that stay in the queue."""
        ids = [str(message["MessageId"]) for message in messages]
        event = sqs_event(messages, self._arn)
        try:
            answer = await self._invoker.invoke(self._function, event, float(self._visibility_s))
        except (FunctionError, TimeoutError) as error:
            logger.warning("%s failed for %d messages: %s", self._function, len(ids), error)
            return set(ids)
        return failed_ids(answer, ids)


class Schedule:
    """An EventBridge rule with a rate: calls a function every `every_s` seconds.

    The first call comes after one period. A failure is logged and not retried.
    """

    def __init__(
        self,
        name: str,
        function: str,
        every_s: float,
        invoker: Invoker,
        *,
        region: str = "us-east-1",
        timeout_s: float = 60.0,
    ) -> None:
        self.name = name
        self._function = function
        self._every_s = every_s
        self._invoker = invoker
        self._region = region
        self._timeout_s = timeout_s
        self._loop: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._loop = asyncio.create_task(self._run())

    async def stop(self, within_s: float = 5.0) -> None:
        """Call no more and wait, bounded, for running calls."""
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
        await settle(list(self._calls), within_s)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop()
        due = clock.time()
        while True:
            due += self._every_s
            await asyncio.sleep(max(0.0, due - clock.time()))
            _spawn(self._calls, self._call())

    async def _call(self) -> None:
        event = scheduled_event(self.name, self._region)
        try:
            await self._invoker.invoke(self._function, event, self._timeout_s)
        except (FunctionError, TimeoutError) as error:
            logger.warning("schedule %s: %s", self.name, error)


def _spawn(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def settle(tasks: list[asyncio.Task[None]], within_s: float) -> None:
    """Wait for tasks; cancel those that take longer."""
    if not tasks:
        return
    _, pending = await asyncio.wait(tasks, timeout=within_s)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
