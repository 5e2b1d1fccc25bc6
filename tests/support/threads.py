"""Calls that start at the same time, each in its own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

START_S = 10.0  # if one thread does not start, the barrier breaks for all


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all calls at once; return their results in order."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait(START_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run `act(0) … act(count - 1)` at once; return their results."""
    return together([partial(act, number) for number in range(count)])
