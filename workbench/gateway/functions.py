"""An invoker for plain Python handlers, `handler(event, context)`, in this process."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .config import FunctionError

Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class Context:
    """The parts of a Lambda context that handlers use."""

    function_name: str
    deadline: float
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class LocalFunctions:
    """Handlers by function name; handlers that are not coroutine functions run in threads.

    Beyond `concurrency` they wait for a thread, where Lambda would throttle. A thread cannot be
    ended: a handler that exceeds its timeout keeps running unobserved.
    """

    def __init__(self, handlers: Mapping[str, Handler], concurrency: int = 64) -> None:
        self._handlers = dict(handlers)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="function")

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        """Run a handler on a copy of the event, converted through JSON; see `Invoker`."""
        copy = json.loads(json.dumps(event))
        context = Context(function, time.monotonic() + timeout_s)
        try:
            handler = self._handlers[function]
            if inspect.iscoroutinefunction(handler):
                answer = await handler(copy, context)
            else:
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(self._pool, handler, copy, context)
            return json.loads(json.dumps(answer))
        except Exception as fault:
            raise FunctionError(type(fault).__name__, str(fault)) from fault

    def close(self) -> None:
        """Stop taking work; running handlers finish."""
        self._pool.shutdown(wait=False, cancel_futures=True)
