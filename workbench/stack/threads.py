"""An async context on an event loop of its own, for synchronous callers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")
_STOP_S, _JOIN_S = 60, 10


@contextmanager
def in_thread(context: AbstractAsyncContextManager[T], start_s: float = 90) -> Iterator[T]:
    """What the context gives, while its loop runs in a thread.

    Raises:
        TimeoutError: It did not start within `start_s` seconds, or did not end.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        entered = asyncio.run_coroutine_threadsafe(_enter(context), loop).result(start_s)
        try:
            yield entered
        finally:
            asyncio.run_coroutine_threadsafe(_leave(context), loop).result(_STOP_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_JOIN_S)
        loop.close()


async def _enter(context: AbstractAsyncContextManager[T]) -> T:
    return await context.__aenter__()


async def _leave(context: AbstractAsyncContextManager[T]) -> None:
    await context.__aexit__(None, None, None)
