"""The deployment's functions: processes that serve one invocation at a time, and can die."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.services import Services

from .scheduler import Died, Process, Result, Scheduler, Task

T = TypeVar("T")
TIMEOUT_S = {"message": 29, "connect": 29, "disconnect": 29, "http": 29}
QUEUES_TIMEOUT_S, SWEEP_TIMEOUT_S = 30, 60
COLD_US, WARM_US = 400_000, 500


@dataclass
class Environment:
    """A process with its services, as Lambda keeps one between invocations."""

    process: Process
    services: Services
    is_busy: bool = False


class Functions:
    """
    Attributes:
        is_down: Whether the region is lost: nothing runs.

    Args:
        compose: Makes the services of a new process, by its number.
        label: What the names of its tasks begin with.
        start_us: How long an invocation takes to begin, by whether its process is new.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        compose: Callable[[str], Services],
        label: str = "",
        start_us: Callable[[bool], int] = lambda is_new: COLD_US if is_new else WARM_US,
    ) -> None:
        self.is_down = False
        self._scheduler = scheduler
        self._compose = compose
        self._label = label
        self._start_us = start_us
        self._environments: dict[str, list[Environment]] = {}
        self._made = 0

    def invoke(
        self,
        function: str,
        name: str,
        handler: Callable[[Services], T],
        timeout_s: float,
    ) -> Result[T]:
        """Run a handler in a free process of the function, or in a new one.

        Its result fails with `Died` if the process dies or does not end in time. A process that is
        frozen beyond its time goes on when it wakes: that is the worst that can happen.
        """
        if self.is_down:
            none: Result[T] = Result()
            none.fail(Died())
            return none
        environment = self._free(function)
        environment.is_busy = True

        def run() -> T:
            return handler(environment.services)

        start_us = self._start_us(environment.process.root is None)
        task: Task = self._scheduler.spawn(
            f"{self._label}{name}", run, start_us, environment.process
        )
        environment.process.root = task
        given: Result[T] = Result()

        def ended() -> None:
            environment.is_busy = False
            try:
                given.give(task.result.value())
            except Exception as fault:  # noqa: BLE001 - whoever invoked it gets it
                given.fail(fault)

        task.result.then(ended)
        late_us = int(timeout_s * 1e6)
        self._scheduler.after(late_us, f"{task.name} late", lambda: given.fail(Died()))
        return given

    def kill_all(self) -> None:
        """All processes die."""
        for held in self._environments.values():
            for environment in held:
                environment.process.die()

    def _free(self, function: str) -> Environment:
        held = self._environments.setdefault(function, [])
        held[:] = [each for each in held if not each.process.is_dead]
        for environment in held:
            if not environment.is_busy:
                return environment
        self._made += 1
        environment = Environment(Process(), self._compose(f"{function}-{self._made}"))
        held.append(environment)
        return environment
