"""SQS and its triggers in virtual time.

A message of a free order group reaches its function after the hop that is drawn for it. What is
sent to a group meanwhile is received with it, up to ten messages; while a batch of the group runs,
messages wait for its end and for another hop. A batch has one group: different groups never wait
for each other here, and functions are never scarce.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chalicelib.kernel.records import job_to_text
from chalicelib.model.jobs import QueuedJob
from workbench.simulator.scheduler import Result

from .calls import Meter

BATCH = 10
DEDUPE_US = 300_000_000

Invoke = Callable[[str, dict[str, Any]], Result[dict[str, Any]]]


class ModelQueue:
    """See `ports.queues.Queue`.

    Attributes:
        invoke: Runs the trigger's function on a batch; None for a queue that nobody reads.
    """

    def __init__(self, name: str, is_fifo: bool, meter: Meter) -> None:
        self.invoke: Invoke | None = None
        self._name, self._is_fifo, self._meter = name, is_fifo, meter
        self._waiting: dict[str, list[dict[str, Any]]] = {}  # by group
        self._busy: set[str] = set()
        self._seen: dict[str, int] = {}
        self._made = 0

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        for some in _requests(jobs):
            # The hop counts from the begin of the send, as it was measured.
            for job in some:
                self._put(job)
            self._meter.call((self._name, "send"), "queue_send", lambda: None)

    def delete(self, receipt_handles: Sequence[str]) -> None:
        """A batch ends when its function does, as it has one group only."""
        self._meter.call((self._name, "delete"), "queue_send", lambda: None)

    def hide(self, receipt_handle: str, seconds: int) -> None:
        raise RuntimeError(f"a job failed: {receipt_handle}")

    def depth(self) -> int:
        return sum(map(len, self._waiting.values()))

    def take(self) -> dict[str, Any] | None:
        """The event of the next order group, for preparations; None if nothing waits."""
        for group in list(self._waiting):
            return {"Records": self._waiting.pop(group)}
        return None

    def _put(self, job: QueuedJob) -> None:
        text = job_to_text(job)
        now_us = self._meter.scheduler.now_us
        if self._is_fifo and job.dedupe is not None:
            if self._seen.get(job.dedupe, -DEDUPE_US) > now_us - DEDUPE_US:
                return
            self._seen[job.dedupe] = now_us
        if job.delay_s and self.invoke is None:
            return  # in preparations: what falls due later is no part of a message
        self._made += 1
        name = f"{self._name}-{self._made}"
        # Messages of a standard queue do not wait for each other.
        group = job.group or "none" if self._is_fifo else name
        is_first = group not in self._waiting
        self._waiting.setdefault(group, []).append(_record(name, text, group, self._is_fifo))
        if is_first and group not in self._busy and self.invoke is not None:
            hop = "fifo_receive" if self._is_fifo else "standard_receive"
            self._later(group, self._meter.chance_us(hop) + job.delay_s * 1_000_000)

    def _later(self, group: str, after_us: int) -> None:
        self._meter.scheduler.after(after_us, f"{self._name} {group}", lambda: self._serve(group))

    def _serve(self, group: str) -> None:
        waiting = self._waiting.pop(group, [])
        if not waiting:
            return
        assert self.invoke is not None
        batch, left = waiting[:BATCH], waiting[BATCH:]
        if left:
            self._waiting[group] = left
        self._busy.add(group)
        result = self.invoke(f"{self._name} {batch[0]['messageId']}", {"Records": batch})
        result.then(lambda: self._settle(group, result))

    def _settle(self, group: str, result: Result[dict[str, Any]]) -> None:
        if result.value()["batchItemFailures"]:
            raise RuntimeError(f"jobs of {group} failed")
        self._busy.discard(group)
        if group in self._waiting:
            self._later(group, self._meter.chance_us("fifo_next"))


def _requests(jobs: Sequence[QueuedJob]) -> Iterator[list[QueuedJob]]:
    """Up to ten jobs of different groups for each request, as `ports.queues.Queue` says."""
    some: list[QueuedJob] = []
    for job in jobs:
        groups = {each.group for each in some} - {None}
        if some and (len(some) == BATCH or job.group in groups):
            yield some
            some = []
        some.append(job)
    if some:
        yield some


def _record(name: str, text: str, group: str, is_fifo: bool) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    if is_fifo:
        attributes["MessageGroupId"] = group
    return {"messageId": name, "receiptHandle": name, "body": text, "attributes": attributes}
