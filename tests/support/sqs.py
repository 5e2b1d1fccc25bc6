"""SQS and Lambda's triggers on a world's clock: visibility, receive counts, dead letters.

`World.pump` repeats a failed job at once and for ever. Here a failed job comes again when its
visibility says so, and ends in the dead-letter queue after as many receives as its queue allows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chalicelib.adapters.memory import MemoryQueue
from chalicelib.entrypoints import queues
from chalicelib.model.jobs import QueuedJob
from tests.support.paths import ROOT
from tests.support.world import Killed, World, record

TICK_MS = 500


class Sqs:
    """Serves both queues of a world; `lost` has the jobs that SQS moved to the dead letters."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._limits = json.loads((ROOT / "terraform/resources.json").read_text())["queues"]
        self._kept: list[QueuedJob] = []  # so that no id is used twice
        self._due_ms: dict[int, int] = {}
        self._receives: dict[int, int] = {}
        self.lost: list[QueuedJob] = []

    def run(self, seconds: float) -> None:
        """Let this much time pass, and serve what becomes visible meanwhile."""
        clock = self._world.clock
        end_ms = clock.ms + int(seconds * 1000)
        while True:
            while self._serve_all():
                pass
            if clock.ms >= end_ms:
                return
            clock.ms = min(end_ms, max(clock.ms + TICK_MS, self._next_ms(end_ms)))

    def _next_ms(self, end_ms: int) -> int:
        """When the next job becomes visible; time in between changes nothing."""
        adapters = self._world.adapters
        waiting = [*adapters.delivery.jobs, *adapters.outbound.jobs]
        return min((self._due(job) for job in waiting), default=end_ms)

    def _serve_all(self) -> bool:
        adapters = self._world.adapters
        one = self._serve(adapters.delivery, queues.deliver, self._limits["delivery"])
        return self._serve(adapters.outbound, queues.outbound, self._limits["outbound"]) or one

    def _serve(
        self, queue: MemoryQueue, handler: Callable[..., Any], limits: dict[str, Any]
    ) -> bool:
        """Receive each visible job once; return whether there was one."""
        served = False
        locked: set[str | None] = set()
        for job in list(queue.jobs):
            if job.group is not None and job.group in locked:
                continue
            if self._due(job) > self._world.clock.ms:
                locked.add(job.group)
                continue
            served = True
            if not self._receive(queue, handler, job, limits):
                locked.add(job.group)
        return served

    def _receive(
        self,
        queue: MemoryQueue,
        handler: Callable[..., Any],
        job: QueuedJob,
        limits: dict[str, Any],
    ) -> bool:
        """Whether the job has left the queue."""
        count = self._receives.get(id(job), 0) + 1
        if count > limits["max_receive_count"]:
            queue.jobs.remove(job)
            self.lost.append(job)
            return True
        self._receives[id(job)] = count
        got = record(job, count)
        hidden = len(queue.hidden)
        try:
            failed = handler(self._world.services, {"Records": [got]})["batchItemFailures"]
        except Killed:
            failed = [got["messageId"]]
        if not failed:
            queue.jobs.remove(job)
            return True
        said = [s for handle, s in queue.hidden[hidden:] if handle == got["receiptHandle"]]
        wait_s = said[-1] if said else limits["visibility_timeout_s"]
        self._due_ms[id(job)] = self._world.clock.ms + wait_s * 1000
        return False

    def _due(self, job: QueuedJob) -> int:
        if id(job) not in self._due_ms:
            self._kept.append(job)
            self._due_ms[id(job)] = self._world.clock.ms + job.delay_s * 1000
        return self._due_ms[id(job)]
