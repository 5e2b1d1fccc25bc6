"""The adapters of a simulated process: the in-memory twins, behind calls that can be suspended."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.kernel import ids
from chalicelib.kernel.errors import CacheDown, Unavailable

from .injection import FaultInjector, Kind
from .scheduler import Scheduler
from .trace import Trace

BUS_US = 2_000


class Calls:
    """Suspends each call before and after its effect, and lets faults strike.

    Attributes:
        was_lost: Whether the call that raised last was made, and only its answer was lost.
        failed: What was called, of all calls that failed.
    """

    def __init__(self, scheduler: Scheduler, injector: FaultInjector, trace: Trace) -> None:
        self._scheduler = scheduler
        self._injector = injector
        self._trace = trace
        self.was_lost = False
        self.failed: set[str] = set()

    def call(self, service: str, what: str, act: Callable[[], Any]) -> Any:
        """Make a call. Outside tasks (checks, preparations) it is made at once."""
        task = self._scheduler.current()
        if task is None:
            return act()
        fate = self._injector.fate(task, service)
        self._scheduler.pause(fate.before_us)
        self._trace.call(task.name, what, fate.kind)
        if fate.kind is Kind.REFUSED:
            self._scheduler.pause(fate.after_us)
            self.was_lost = False
            self.failed.add(what)
            raise self._fault(service)
        if fate.kind is Kind.KILLED_BEFORE:
            self._scheduler.die()
        value = act()
        if fate.kind is Kind.KILLED_AFTER:
            self._scheduler.die()
        self._scheduler.pause(fate.after_us)
        if fate.kind is Kind.LOST:
            self.was_lost = True
            self.failed.add(what)
            raise self._fault(service)
        return value

    @staticmethod
    def _fault(service: str) -> Unavailable:
        if service == "redis":
            return CacheDown("no answer")
        return Unavailable(f"{service} does not answer")


class Port:
    """A twin whose methods are calls of a service."""

    def __init__(self, calls: Calls, service: str, name: str, twin: object) -> None:
        self._calls = calls
        self._service = service
        self._name = name
        self._twin = twin

    def __getattr__(self, method: str) -> Any:
        act = getattr(self._twin, method)
        if not callable(act):
            return act  # what a process knows by itself

        def call(*args: Any, **named: Any) -> Any:
            what = f"{self._name}.{method}"
            return self._calls.call(self._service, what, lambda: act(*args, **named))

        setattr(self, method, call)
        return call


class ProcessClock:
    """The clock of a process, which may be off; see `ports.system.Clock`."""

    def __init__(self, scheduler: Scheduler, skew_ms: int = 0) -> None:
        self._scheduler = scheduler
        self._skew_ms = skew_ms

    def now_ms(self) -> int:
        return self._scheduler.now_ms + self._skew_ms

    def sleep(self, seconds: float) -> None:
        if self._scheduler.current() is not None:
            self._scheduler.pause(int(seconds * 1e6))


class SeededIds:
    """Ids from a seeded generator; see `ports.system.Ids`."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def token(self) -> str:
        return ids.encode(self._random.getrandbits(128))

    def entropy(self) -> int:
        return self._random.getrandbits(64)

    def jitter(self) -> float:
        return self._random.random()


class Bus:
    """The cluster's messages: each process hears them a little later, or not at all."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._listeners: list[Callable[[str, Mapping[str, Any]], None]] = []

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        for heard in self._listeners:
            self._scheduler.after(BUS_US, f"bus {event}", functools.partial(heard, event, data))

    def listen(self, heard: Callable[[str, Mapping[str, Any]], None]) -> None:
        if heard not in self._listeners:
            self._listeners.append(heard)

    def close(self) -> None:
        self._listeners.clear()


class NoMetrics:
    """Nobody reads them; see `ports.system.Metrics`."""

    def put(self, values: Mapping[str, tuple[float, str]], at_ms: int) -> None:
        return
