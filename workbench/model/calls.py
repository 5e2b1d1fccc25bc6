"""Calls of ports in virtual time: each takes as long as is drawn for it, and is counted."""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.ports.system import Clock, Ids
from workbench.load.bill import READS, WRITES, Call
from workbench.simulator.scheduler import Process, Scheduler
from workbench.twins import QUEUES, REDIS

from .latencies import Latencies, cpu_share

_MOST_ITEMS = 5  # of a transaction whose latency is `dynamodb_transact`
_QUERIES = {("log", "after"), ("log", "before"), ("rooms", "rooms_of"), ("connections", "of_user")}


@dataclass
class Invocation:
    """One run of a function.

    Attributes:
        calls: Calls of ports, by port and method; of queues, the requests.
        trips: Round trips to Redis.
        posts: Posts to clients.
    """

    function: str
    memory_mb: int
    began_us: int
    ended_us: int = 0
    calls: Counter[Call] = field(default_factory=Counter)
    trips: int = 0
    posts: int = 0

    @property
    def ms(self) -> float:
        return (self.ended_us - self.began_us) / 1000


class Meter:
    """Lets calls take their time, and notes them with the invocation that makes them.

    Attributes:
        invocations: All so far, in the order of their begin.
    """

    def __init__(self, scheduler: Scheduler, latencies: Latencies) -> None:
        self.scheduler = scheduler
        self.latencies = latencies
        self.invocations: list[Invocation] = []
        self._running: dict[Process, Invocation] = {}
        self._chance = random.Random(f"{scheduler.seed}/hops")

    @contextmanager
    def invocation(self, function: str, memory_mb: int) -> Iterator[None]:
        """The running task is a run of this function."""
        task = self.scheduler.current()
        assert task is not None
        assert task.process is not None
        made = Invocation(function, memory_mb, self.scheduler.now_us)
        self.invocations.append(made)
        self._running[task.process] = made
        self.scheduler.pause(self.cpu_us("frame"))
        try:
            yield
        finally:
            made.ended_us = self.scheduler.now_us

    def current(self) -> Invocation | None:
        """The invocation that the running task belongs to; None outside, as in preparations."""
        task = self.scheduler.current()
        return None if task is None or task.process is None else self._running[task.process]

    def cpu_us(self, what: str) -> int:
        """The time that this takes on the part of a vCPU that the running function has."""
        running = self.current()
        share = cpu_share(running.memory_mb) if running is not None else 1.0
        return round(self.latencies.cpu_us[what] / share)

    def draw_us(self, kind: str) -> int:
        """Draw how long a call takes, from the running task's own random numbers."""
        task = self.scheduler.current()
        assert task is not None
        return self.latencies.calls[kind].draw_us(task.random)

    def chance_us(self, kind: str) -> int:
        """Draw how long something takes that no task does, such as a hop."""
        return self.latencies.calls[kind].draw_us(self._chance)

    def call(self, call: Call, kind: str, act: Callable[[], Any]) -> Any:
        """Make a call of DynamoDB or SQS: it takes effect in the middle of its time."""
        running = self.current()
        if running is None:
            return act()
        running.calls[call] += 1
        self.scheduler.pause(self.cpu_us("queue" if kind == "queue_send" else "dynamodb"))
        took_us = self.draw_us(kind)
        self.scheduler.pause(took_us // 2)
        result = act()
        self.scheduler.pause(took_us - took_us // 2)
        return result

    def redis(self, call: Call, act: Callable[[], Any], trips: Callable[[], int] | None) -> Any:
        """Make a call of Redis, which takes effect at its begin.

        Args:
            trips: The trips that the running task has made so far; None if each call is one.
        """
        running = self.current()
        if running is None:
            return act()
        running.calls[call] += 1
        before = trips() if trips is not None else 0
        result = act()
        made = trips() - before if trips is not None else 1
        running.trips += made
        for _ in range(made):
            self.scheduler.pause(self.cpu_us("redis") + self.draw_us("redis"))
        return result


class CountingCache(MemoryCache):
    """Counts round trips for each task; see `MemoryCache`."""

    def __init__(self, ids: Ids, clock: Clock, scheduler: Scheduler) -> None:
        super().__init__(ids, clock)
        self._scheduler = scheduler
        self._by_task: Counter[str] = Counter()

    @contextmanager
    def _call(self, trips: int = 1) -> Iterator[None]:
        task = self._scheduler.current()
        with super()._call(trips):
            if task is not None:
                self._by_task[task.name] += trips
            yield

    def trips(self) -> int:
        """The trips of the running task so far."""
        task = self._scheduler.current()
        return self._by_task[task.name] if task is not None else 0


class Port:
    """A twin whose methods are calls of DynamoDB or Redis."""

    def __init__(self, meter: Meter, name: str, twin: Any) -> None:
        self._meter, self._name, self._twin = meter, name, twin

    def __getattr__(self, method: str) -> Any:
        target, call = getattr(self._twin, method), (self._name, method)
        if not callable(target):
            return target

        def made(*given: Any, **named: Any) -> Any:
            act = functools.partial(target, *given, **named)
            if self._name not in REDIS:
                return self._meter.call(call, kind_of(call, given), act)
            counts = self._twin.trips if isinstance(self._twin, CountingCache) else None
            return self._meter.redis(call, act, counts)

        setattr(self, method, made)
        return made


def kind_of(call: Call, given: tuple[Any, ...] = ()) -> str:
    """What kind of call of a file of latencies it is."""
    match call:
        case ("log", "commit"):
            return "dynamodb_transact"
        case ("log", "commit_all"):
            items = 1 + 2 * len(given[0])  # the head, and the entry and its key for each
            return "dynamodb_transact" if items <= _MOST_ITEMS else "dynamodb_transact_many"
        case (port, _) if port in QUEUES:
            return "queue_send"
    if call in _QUERIES:
        return "dynamodb_query"
    return "dynamodb_write" if call in WRITES and call not in READS else "dynamodb_read"
