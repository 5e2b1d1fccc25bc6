"""SQS and its triggers: order groups, visibility, receives, dead letters, delays, duplicates.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.kernel.records import job_to_text
from chalicelib.model.jobs import QueuedJob

from .injection import FaultInjector
from .ports import Calls
from .scheduler import Result, Scheduler

DEDUPE_US = 300_000_000
POLL_US = 15_000
BATCH = 10

Invoke = Callable[[str, dict[str, Any]], Result[dict[str, Any]]]


@dataclass
class Message:
    """A message of a queue; `visible_us` is when it can be received (again)."""

    message_id: str
    body: str
    group: str | None
    visible_us: int
    receives: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """How a queue behaves, from terraform/resources.json."""

    name: str
    is_fifo: bool
    visibility_s: int
    most_receives: int


class SimQueue:
    """A queue with its trigger; see `ports.queues.Queue`.

    Attributes:
        dead: Where messages go that were received too often.
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
        self._rules = rules
        self._scheduler = scheduler
        self._injector = injector
        self._calls = calls
        self._dead = dead
        self._seen: dict[str, int] = {}
        self._made = 0
        self._woken_us: int | None = None
        self.messages: list[Message] = []
        self.invoke: Invoke | None = None
        self.is_paused = False

    def resume(self) -> None:
        """Read it again."""
        self.is_paused = False
        self._wake(self._scheduler.now_us + POLL_US)

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        texts = [(job, job_to_text(job)) for job in jobs]
        for start in _batches([job.group for job, _ in texts]):
            part = texts[start]
            name = f"{self._rules.name}.send {','.join(job.kind for job, _ in part)}"
            self._calls.call("sqs", name, functools.partial(self._accept, part))

    def hide(self, receipt_handle: str, seconds: int) -> None:
        hide = functools.partial(self._hide, receipt_handle, seconds)
        self._calls.call("sqs", f"{self._rules.name}.hide", hide)

    def delete(self, receipt_handles: Sequence[str]) -> None:
        delete = functools.partial(self._delete, receipt_handles)
        self._calls.call("sqs", f"{self._rules.name}.delete", delete)

    def depth(self) -> int:
        return int(self._calls.call("sqs", f"{self._rules.name}.depth", lambda: len(self.messages)))

    def _accept(self, jobs: Iterable[tuple[QueuedJob, str]]) -> None:
        now_us = self._scheduler.now_us
        for job, text in jobs:
            dedupe = job.dedupe if self._rules.is_fifo else None
            if dedupe is not None and self._seen.get(dedupe, -DEDUPE_US) > now_us - DEDUPE_US:
                continue
            if dedupe is not None:
                self._seen[dedupe] = now_us
            self.put(text, job.group if self._rules.is_fifo else None, job.delay_s)

    def put(self, body: str, group: str | None, delay_s: int = 0) -> None:
        """Add a message."""
        self._made += 1
        visible_us = self._scheduler.now_us + delay_s * 1_000_000
        self.messages.append(Message(f"{self._rules.name}-{self._made}", body, group, visible_us))
        self._wake(visible_us + POLL_US)

    def _hide(self, message_id: str, seconds: int) -> None:
        for message in self.messages:
            if message.message_id == message_id:
                message.visible_us = self._scheduler.now_us + seconds * 1_000_000
                self._wake(message.visible_us + POLL_US)

    def _delete(self, message_ids: Sequence[str]) -> None:
        self.messages[:] = [each for each in self.messages if each.message_id not in message_ids]
        self._wake(self._scheduler.now_us + POLL_US)

    def _wake(self, at_us: int) -> None:
        if self.invoke is None or (self._woken_us is not None and self._woken_us <= at_us):
            return
        self._woken_us = at_us
        self._scheduler.at(at_us, f"{self._rules.name} poll", lambda: self._poll(at_us))

    def _poll(self, at_us: int) -> None:
        if self._woken_us != at_us:
            return
        self._woken_us = None
        if self.is_paused:
            return
        now_us = self._scheduler.now_us
        self._move_to_dead_letters()
        while batch := self._receive(now_us):
            self._serve(batch)
        later = [each.visible_us for each in self.messages if each.visible_us > now_us]
        if later:
            self._wake(min(later) + POLL_US)

    def _receive(self, now_us: int) -> list[Message]:
        """Take what can be received: up to ten messages, of a group in order."""
        hidden = {each.group for each in self.messages if each.visible_us > now_us}
        ready = [
            each
            for each in self.messages
            if each.visible_us <= now_us and (each.group is None or each.group not in hidden)
        ]
        batch = ready[:BATCH]
        for message in batch:
            message.receives += 1
            message.visible_us = now_us + self._rules.visibility_s * 1_000_000
        return batch

    def _move_to_dead_letters(self) -> None:
        now_us = self._scheduler.now_us
        for message in list(self.messages):
            if message.visible_us <= now_us and message.receives >= self._rules.most_receives:
                self.messages.remove(message)
                if self._dead is not None:
                    self._dead.put(message.body, message.group)

    def _serve(self, batch: list[Message]) -> None:
        assert self.invoke is not None
        records = [_record(message) for message in batch]
        name = f"{self._rules.name} {batch[0].message_id}/{batch[0].receives}"
        result = self.invoke(name, {"Records": records})
        result.then(lambda: self._settle(batch, result))
        may_repeat = not self._rules.is_fifo and not self._injector.is_calm
        if may_repeat and share(name) < self._injector.fault_plan.queued_twice:
            self.invoke(f"{name} twice", {"Records": records})

    def _settle(self, batch: list[Message], result: Result[dict[str, Any]]) -> None:
        """Delete what was done. After a failed invocation, visibility runs out by itself."""
        try:
            failed = {each["itemIdentifier"] for each in result.value()["batchItemFailures"]}
        except Exception:  # noqa: BLE001 - the function failed: nothing of the batch is deleted
            failed = {message.message_id for message in batch}
        for message in batch:
            if message.message_id not in failed and message in self.messages:
                self.messages.remove(message)
        self._wake(self._scheduler.now_us + POLL_US)


def share(text: str) -> float:
    """A number in [0, 1) that follows from the text."""
    return zlib.crc32(text.encode()) / (1 << 32)


def _batches(groups: Sequence[str | None]) -> list[slice]:
    """Slices of up to ten jobs, as one call to SQS takes."""
    return [slice(start, start + BATCH) for start in range(0, len(groups), BATCH)]


def _record(message: Message) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(message.receives)}
    if message.group is not None:
        attributes["MessageGroupId"] = message.group
    return {
        "messageId": message.message_id,
        "receiptHandle": message.message_id,
        "body": message.body,
        "attributes": attributes,
    }


def kind_of(body: str) -> str:
    """The kind of the job in a message."""
    return str(json.loads(body).get("kind", "unreadable"))
