"""Calls that start at the same time, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

START_S = 10.0  # a thread that does not start breaks the barrier for all


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The results of all calls, in their order."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait(START_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """The results of `act(0) … act(count - 1)`."""
    return together([partial(act, number) for number in range(count)])
