"""The virtual clock and the order of all that happens: a heap of events, and tasks in greenlets.

Time moves only from one event to the next. A task runs until it pauses or waits; nothing else runs
in between. Ties are resolved by the order of scheduling, so that a run depends on its seed alone.
"""

from __future__ import annotations

import contextvars
import heapq
import itertools
import random
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

from greenlet import getcurrent, greenlet

START_MS = 1_800_000_000_000
T = TypeVar("T")


class Killed(BaseException):
    """The process of this task is dead: it may not call anything any more."""


class Process:
    """A process that can die, with all its tasks."""

    def __init__(self) -> None:
        self.is_dead = False
        self.root: Task | None = None

    def die(self) -> None:
        """No task of the process continues; whoever waits for it learns so."""
        self.is_dead = True
        if self.root is not None:
            self.root.kill()
            self.root.result.fail(Died())


class Died(Exception):
    """The process ended before it returned a result."""


class Task:
    """A thread of execution.

    Attributes:
        name: What runs; unique and stable, as the task's random choices follow from it.
        calls: The number of port calls so far.
        random: The task's own random numbers: removing another task does not change them.
        children: Tasks that it started and that die with it.
        process: The process that it runs in; None for what cannot die, such as clients.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        run: Callable[[], object],
        hub: greenlet,
        process: Process | None,
    ) -> None:
        self.name = name
        self.process = process
        self.calls = 0
        self.random = random.Random(f"{seed}/{name}")
        self.children: list[Task] = []
        self.is_dead = False
        self.result: Result[Any] = Result()
        self._run = run
        self.greenlet = greenlet(self._main, hub)

    def _main(self) -> None:
        try:
            value = self._run()
        except Killed:
            return
        except Exception as fault:
            if self.process is None:
                raise  # a fault of the simulation itself
            self.result.fail(fault)  # for whoever waits for the task
        else:
            self.result.give(value)

    def kill(self) -> None:
        """The process dies: the task never continues, and neither do its children."""
        self.is_dead = True
        for child in self.children:
            child.kill()


class Result(Generic[T]):
    """A value that is not there yet; the first one given counts."""

    def __init__(self) -> None:
        self.is_set = False
        self._value: T | None = None
        self._fault: Exception | None = None
        self._waiting: list[Callable[[], None]] = []

    def give(self, value: T) -> None:
        self._settle(value, None)

    def fail(self, fault: Exception) -> None:
        self._settle(None, fault)

    def then(self, act: Callable[[], None]) -> None:
        """Call `act` when the value is there; at once if it is."""
        if self.is_set:
            act()
        else:
            self._waiting.append(act)

    def value(self) -> T:
        """Return the value; raises the exception that it failed with."""
        if self._fault is not None:
            raise self._fault
        return cast(T, self._value)

    def _settle(self, value: T | None, fault: Exception | None) -> None:
        if self.is_set:
            return
        self.is_set, self._value, self._fault = True, value, fault
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            act()


class Scheduler:
    """
    Attributes:
        now_us: Microseconds since the run began.
        steps: The number of events so far.
        digest: A hash over all events, to compare two runs.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now_us = 0
        self.steps = 0
        self.digest = 0
        self._order = itertools.count()
        self._events: list[tuple[int, int, str, Callable[[], object]]] = []
        self._hub = getcurrent()
        self._tasks: dict[greenlet, Task] = {}
        self._names: dict[str, int] = {}
        self._is_over = False

    @property
    def now_ms(self) -> int:
        """Milliseconds since the epoch, in the simulated world."""
        return START_MS + self.now_us // 1000

    def at(self, us: int, what: str, act: Callable[[], object]) -> None:
        """Call `act` at a time (microseconds since the start), outside all tasks."""
        heapq.heappush(self._events, (max(us, self.now_us), next(self._order), what, act))

    def after(self, us: int, what: str, act: Callable[[], object]) -> None:
        """Call `act` after this many microseconds."""
        self.at(self.now_us + us, what, act)

    def spawn(
        self,
        name: str,
        run: Callable[[], object],
        after_us: int = 0,
        process: Process | None = None,
    ) -> Task:
        """Start a task; a name that was used before gets a number."""
        used = self._names[name] = self._names.get(name, 0) + 1
        unique = name if used == 1 else f"{name}~{used}"
        task = Task(unique, self.seed, run, self._hub, process)
        self._tasks[task.greenlet] = task
        self.after(after_us, task.name, lambda: self._resume(task))
        return task

    def current(self) -> Task | None:
        """The running task; None outside tasks.

        Raises:
            Killed: It is dead, or the run is over.
        """
        running = getcurrent()
        if running is self._hub:
            return None
        task = self._tasks.get(running)
        if task is None or task.is_dead or self._is_over:
            raise Killed
        return task

    def pause(self, us: int) -> None:
        """Suspend the running task for this long."""
        task = self._running()
        self.after(us, task.name, lambda: self._resume(task))
        self._yield(task)

    def wait(self, result: Result[T], at_most_us: int | None = None) -> bool:
        """Suspend the running task until the result is there; False if that takes too long."""
        task = self._running()
        if result.is_set:
            return True
        awake = Result[bool]()
        awake.then(lambda: self.after(0, task.name, lambda: self._resume(task)))
        result.then(lambda: awake.give(True))
        if at_most_us is not None:
            self.after(at_most_us, f"{task.name} waited", lambda: awake.give(False))
        self._yield(task)
        return awake.value()

    def die(self) -> None:
        """Kill the process of the running task; does not return."""
        task = self._running()
        assert task.process is not None
        task.process.die()
        self._yield(task)

    def all(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Run calls as tasks side by side, each with the caller's context; return their results.

        Implements `ports.system.Parallel`.
        """
        parent = self._running()
        tasks = []
        for number, call in enumerate(calls):
            task = self.spawn(f"{parent.name}/{number}", call, process=parent.process)
            task.greenlet.gr_context = contextvars.copy_context()
            parent.children.append(task)
            tasks.append(task)
        for task in tasks:
            self.wait(task.result)
        parent.children.clear()
        return [task.result.value() for task in tasks]

    def run(self, until_us: int, most_steps: int) -> None:
        """Let events happen until this time.

        Raises:
            RuntimeError: More steps than allowed: something repeats without end.
        """
        while self._events and self._events[0][0] <= until_us:
            self.now_us, _, what, act = heapq.heappop(self._events)
            self.steps += 1
            if self.steps > most_steps:
                raise RuntimeError(f"more than {most_steps} steps; the last one was {what}")
            self.digest = zlib.crc32(f"{self.now_us} {what}".encode(), self.digest)
            act()
        self.now_us = max(self.now_us, until_us)

    def close(self) -> None:
        """End the run: tasks that still hang may not call anything."""
        self._is_over = True
        self._events.clear()
        # A suspended greenlet is not collected as garbage, so each is unwound.
        for task in list(self._tasks.values()):
            task.greenlet.throw()
        self._tasks.clear()

    def _running(self) -> Task:
        task = self.current()
        if task is None:
            raise RuntimeError("only a task can be suspended")
        return task

    def _yield(self, task: Task) -> None:
        self._hub.switch()
        if task.is_dead or self._is_over:
            raise Killed

    def _resume(self, task: Task) -> None:
        if not task.is_dead:
            task.greenlet.switch()
            if task.greenlet.dead:
                self._tasks.pop(task.greenlet, None)


class Concurrency:
    """Calls side by side as tasks: see `ports.system.Parallel`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        return self._scheduler.all(calls)
