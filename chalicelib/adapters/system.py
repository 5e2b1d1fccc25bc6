"""The clock, randomness and threads: the only module that reads either or starts any."""

from __future__ import annotations

import contextvars
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..kernel import ids

monotonic_s = time.monotonic
MOST_THREADS = 16

T = TypeVar("T")


class SystemClock:
    """Wall-clock milliseconds."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SystemIds:
    """Unguessable ids from the operating system."""

    def token(self) -> str:
        return ids.encode(secrets.randbits(128))

    def entropy(self) -> int:
        return secrets.randbits(64)

    def jitter(self) -> float:
        return random.random()


def in_background(call: Callable[[], None]) -> threading.Thread:
    """Start a call on a thread that the process does not wait for, with the caller's context."""
    thread = threading.Thread(target=contextvars.copy_context().run, args=(call,), daemon=True)
    thread.start()
    return thread


class SystemThreads:
    """Runs calls in threads; see `ports.system.Parallel`."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        if len(calls) <= 1:
            return [call() for call in calls]
        with ThreadPoolExecutor(min(len(calls), MOST_THREADS)) as pool:
            running = [pool.submit(contextvars.copy_context().run, call) for call in calls]
        return [each.result() for each in running]
