"""Many runs: seeds of scenarios, side by side in worker processes."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from . import worker


@dataclass(frozen=True, slots=True)
class Failure:
    """A run with findings: (promise, how it was broken)."""

    scenario: str
    seed: int
    findings: tuple[tuple[str, str], ...]


@dataclass
class Tally:
    """What a scenario's runs came to."""

    runs: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)


@contextmanager
def workers(
    number: int | None = None, module: str = worker.__name__
) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """Worker processes, one for each core; yields a function that asks a free one."""
    free: SimpleQueue[worker.Worker] = SimpleQueue()
    made = [worker.Worker(module) for _ in range(number or os.cpu_count() or 1)]
    for each in made:
        free.put(each)

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        taken = free.get()
        try:
            return taken.ask(request)
        finally:
            free.put(taken)

    try:
        yield ask
    finally:
        for each in made:
            each.close()


def campaign(
    scenarios: Sequence[str],
    first_seed: int,
    seeds: int | None,
    until_s: float | None,
    ask: Callable[[dict[str, Any]], dict[str, Any]],
    watch: Callable[[int], None] = lambda done: None,
) -> dict[str, Tally]:
    """Run each scenario with each seed.

    Args:
        seeds: How many for each scenario; None for as many as the time allows.
        until_s: When to stop (`time.monotonic`); None for no limit.
        watch: Called with the number of runs done.
    """
    tallies = {name: Tally() for name in scenarios}
    numbers = (
        itertools.count(first_seed) if seeds is None else range(first_seed, first_seed + seeds)
    )
    wanted = ((name, seed) for seed in numbers for name in scenarios)
    done = 0
    most = 2 * (os.cpu_count() or 1)
    with ThreadPoolExecutor(most) as pool:
        running: set[Future[dict[str, Any]]] = set()
        while True:
            late = until_s is not None and time.monotonic() >= until_s
            while not late and len(running) < most and (pair := next(wanted, None)):
                running.add(pool.submit(ask, {"scenario": pair[0], "seed": pair[1]}))
            if not running:
                return tallies
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for each in ended:
                _add(tallies, each.result())
                done += 1
                watch(done)


def _add(tallies: dict[str, Tally], answer: dict[str, Any]) -> None:
    tally = tallies[answer["scenario"]]
    tally.runs += 1
    tally.counts.update(answer["counts"])
    if answer["findings"]:
        found = tuple((each["promise"], each["why"]) for each in answer["findings"])
        tally.failures.append(Failure(answer["scenario"], answer["seed"], found))
