"""SQS and its triggers in virtual time, with duplicates."""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from chalicelib.kernel.records import job_to_text
from chalicelib.model.jobs import QueuedJob
from workbench.queues import BATCH, Message, QueueState, Rules

from .injection import FaultInjector
from .ports import Calls
from .scheduler import Result, Scheduler

POLL_US = 15_000

Invoke = Callable[[str, dict[str, Any]], Result[dict[str, Any]]]


class SimQueue:
    """A queue with its trigger; see `ports.queues.Queue`.

    Attributes:
        invoke: Runs the trigger's function on a batch; None for a queue that nobody reads.
        is_paused: Whether nobody reads it for now, as its region is lost.
    """

    def __init__(
        self,
        rules: Rules,
        scheduler: Scheduler,
        injector: FaultInjector,
        calls: Calls,
        dead: SimQueue | None = None,
    ) -> None:
        self._state: QueueState = QueueState(rules, dead._state if dead is not None else None)
        self._name = rules.name
        self._is_fifo = rules.is_fifo
        self._scheduler = scheduler
        self._injector = injector
        self._calls = calls
        self._woken_us: int | None = None
        self.invoke: Invoke | None = None
        self.is_paused = False

    @property
    def messages(self) -> list[Message]:
        return self._state.messages

    def resume(self) -> None:
        """Read it again."""
        self.is_paused = False
        self._wake(self._scheduler.now_us + POLL_US)

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        texts = [(job, job_to_text(job)) for job in jobs]
        for start in _batches([job.group for job, _ in texts]):
            part = texts[start]
            name = f"{self._name}.send {','.join(job.kind for job, _ in part)}"
            self._calls.call("sqs", name, functools.partial(self._accept, part))

    def hide(self, receipt_handle: str, seconds: int) -> None:
        hide = functools.partial(self._hide, receipt_handle, seconds)
        self._calls.call("sqs", f"{self._name}.hide", hide)

    def delete(self, receipt_handles: Sequence[str]) -> None:
        delete = functools.partial(self._delete, receipt_handles)
        self._calls.call("sqs", f"{self._name}.delete", delete)

    def depth(self) -> int:
        return int(self._calls.call("sqs", f"{self._name}.depth", lambda: len(self.messages)))

    def put(self, body: str, group: str | None, delay_s: int = 0) -> None:
        """Add a message."""
        visible_us = self._scheduler.now_us + delay_s * 1_000_000
        self._state.put(body, group, visible_us)
        self._wake(visible_us + POLL_US)

    def _accept(self, jobs: Iterable[tuple[QueuedJob, str]]) -> None:
        for job, text in jobs:
            message = self._state.send(job, text, self._scheduler.now_us)
            if message is not None:
                self._wake(message.visible_us + POLL_US)

    def _hide(self, message_id: str, seconds: int) -> None:
        until_us = self._scheduler.now_us + seconds * 1_000_000
        if self._state.hide(message_id, until_us) is not None:
            self._wake(until_us + POLL_US)

    def _delete(self, message_ids: Sequence[str]) -> None:
        self._state.delete(message_ids)
        self._wake(self._scheduler.now_us + POLL_US)

    def _wake(self, at_us: int) -> None:
        if self.invoke is None or (self._woken_us is not None and self._woken_us <= at_us):
            return
        self._woken_us = at_us
        self._scheduler.at(at_us, f"{self._name} poll", lambda: self._poll(at_us))

    def _poll(self, at_us: int) -> None:
        if self._woken_us != at_us:
            return
        self._woken_us = None
        if self.is_paused:
            return
        now_us = self._scheduler.now_us
        while batch := self._state.receive(now_us):
            self._serve(batch)
        next_us = self._state.next_us(now_us)
        if next_us is not None:
            self._wake(next_us + POLL_US)

    def _serve(self, batch: list[Message]) -> None:
        assert self.invoke is not None
        records = [_record(message) for message in batch]
        name = f"{self._name} {batch[0].message_id}/{batch[0].receives}"
        result = self.invoke(name, {"Records": records})
        result.then(lambda: self._settle(batch, result))
        may_repeat = not self._is_fifo and not self._injector.is_calm
        if may_repeat and share(name) < self._injector.fault_plan.queued_twice:
            self.invoke(f"{name} twice", {"Records": records})

    def _settle(self, batch: list[Message], result: Result[dict[str, Any]]) -> None:
        """Delete what was done. After a failed invocation, visibility runs out by itself."""
        try:
            failed = {each["itemIdentifier"] for each in result.value()["batchItemFailures"]}
        except Exception:  # noqa: BLE001 - the function failed: nothing of the batch is deleted
            failed = {message.message_id for message in batch}
        self._state.delete({each.message_id for each in batch} - failed)
        self._wake(self._scheduler.now_us + POLL_US)


def share(text: str) -> float:
    """A number in [0, 1) that follows from the text."""
    return zlib.crc32(text.encode()) / (1 << 32)


def _batches(groups: Sequence[str | None]) -> list[slice]:
    """Slices of up to ten jobs, as one call to SQS takes."""
    return [slice(start, start + BATCH) for start in range(0, len(groups), BATCH)]


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.message_id,
        "receiptHandle": message.message_id,
        "body": message.body,
        "attributes": message.attributes,
    }


def kind_of(body: str) -> str:
    """The kind of the job in a message."""
    return str(json.loads(body).get("kind", "unreadable"))
