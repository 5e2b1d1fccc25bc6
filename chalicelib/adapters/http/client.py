"""The HTTP client: keep-alive sockets to all hosts, on one event loop in a daemon thread.

Lambda freezes the thread between invocations; sockets that were closed meanwhile are replaced.
The client knows neither posts nor AWS: its caller interprets statuses and limits the rate.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from ...ports.system import Clock
from .pool import Pool
from .sockets import Request


class HttpClient:
    """Pools by base URL. Thread-safe; starts its thread at the first use.

    Args:
        concurrency: Maximum number of sockets to one host.
        timeout_s: Seconds for opening a socket, and for a request from the time it is written.
    """

    def __init__(self, concurrency: int, timeout_s: float, clock: Clock) -> None:
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pools: dict[str, Pool] = {}

    def pool(self, base: str) -> Pool:
        """The sockets to the host of `base`."""
        with self._lock:
            pool = self._pools.get(base)
            if pool is None:
                pool = Pool(base, self._concurrency, self._timeout_s, self._clock)
                self._pools[base] = pool
            return pool

    def running(self) -> asyncio.AbstractEventLoop:
        """The event loop for `submit`; starts it if needed."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="connections", daemon=True
                )
                self._thread.start()
            return self._loop

    def stop(self) -> None:
        """Stop the thread and close its sockets; pending requests fail. Start no call meanwhile."""
        with self._lock:
            loop, thread, pools = self._loop, self._thread, self._pools
            self._loop, self._thread, self._pools = None, None, {}
        if loop is None or thread is None:
            return

        def end() -> None:
            for pool in pools.values():
                pool.stop()
            loop.call_soon(loop.call_soon, loop.stop)  # after the sockets' last callbacks

        loop.call_soon_threadsafe(end)
        thread.join()
        loop.close()


def submit(pools: Sequence[Pool], requests: Sequence[Request]) -> None:
    """Give each request to its pool; call it in the loop's thread."""
    by_pool: dict[Pool, list[Request]] = {}
    for pool, request in zip(pools, requests, strict=True):
        by_pool.setdefault(pool, []).append(request)
    for pool, work in by_pool.items():
        pool.submit(work)
