"""An SQS queue as a state: order groups, visibility, receives, dead letters, deduplication. Pure.

The simulator and the local stack that keeps all in memory have one each. Times are microseconds of
any clock that does not go back.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.model.jobs import QueuedJob

DEDUPE_US = 300_000_000
BATCH = 10
_NEVER = 1_000_000  # receives, for a queue without dead letters


@dataclass
class Message:
    """A message of a queue; `visible_us` is when it can be received (again)."""

    message_id: str
    body: str
    group: str | None
    visible_us: int
    receives: int = 0

    @property
    def attributes(self) -> dict[str, str]:
        """Those that SQS tells of a received message, and the product reads."""
        found = {"ApproximateReceiveCount": str(self.receives)}
        return found if self.group is None else {**found, "MessageGroupId": self.group}


@dataclass(frozen=True, slots=True)
class Rules:
    """How a queue behaves.

    Attributes:
        visibility_s: How long a received message stays hidden.
        most_receives: After so many a message is a dead letter.
    """

    name: str
    is_fifo: bool
    visibility_s: int
    most_receives: int = _NEVER

    @classmethod
    def of(cls, name: str, definition: Mapping[str, Any]) -> Rules:
        """Return those of terraform/resources.json."""
        return cls(
            name,
            definition["fifo"],
            definition["visibility_timeout_s"],
            definition.get("max_receive_count", _NEVER),
        )


class QueueState:
    """
    Attributes:
        messages: In the order in which they came.
        dead: Where messages go that were received too often; else they are dropped.
    """

    def __init__(self, rules: Rules, dead: QueueState | None = None) -> None:
        self.rules = rules
        self.dead = dead
        self.messages: list[Message] = []
        self._seen: OrderedDict[str, int] = OrderedDict()  # by deduplication id, the oldest first
        self._made = 0

    def send(self, job: QueuedJob, text: str, now_us: int) -> Message | None:
        """Take a job; None if its deduplication id came within the last five minutes."""
        is_fifo = self.rules.is_fifo
        if is_fifo and job.dedupe is not None and not self._is_new(job.dedupe, now_us):
            return None
        delay_s = 0 if is_fifo else job.delay_s  # a FIFO queue has no delay for a message
        return self.put(text, job.group if is_fifo else None, now_us + delay_s * 1_000_000)

    def put(self, body: str, group: str | None, visible_us: int) -> Message:
        """Add a message."""
        self._made += 1
        message = Message(f"{self.rules.name}-{self._made}", body, group, visible_us)
        self.messages.append(message)
        return message

    def hide(self, message_id: str, until_us: int) -> Message | None:
        """Let a message be received (again) from then on; None if it is gone."""
        for message in self.messages:
            if message.message_id == message_id:
                message.visible_us = until_us
                return message
        return None

    def delete(self, message_ids: Collection[str]) -> None:
        self.messages[:] = [each for each in self.messages if each.message_id not in message_ids]

    def receive(self, now_us: int, most: int = BATCH) -> list[Message]:
        """Take what can be received, of a group in order."""
        due = [each for each in self.messages if each.visible_us <= now_us]
        if not due:
            return []
        ready = [each for each in due if not self._is_buried(each, now_us)]
        if self.rules.is_fifo:
            hidden = {each.group for each in self.messages if each.visible_us > now_us}
            ready = [each for each in ready if each.group not in hidden]
        batch = ready[:most]
        for message in batch:
            message.receives += 1
            message.visible_us = now_us + self.rules.visibility_s * 1_000_000
        return batch

    def next_us(self, now_us: int) -> int | None:
        """When the next hidden message can be received."""
        return min(
            (each.visible_us for each in self.messages if each.visible_us > now_us), default=None
        )

    def _is_buried(self, message: Message, now_us: int) -> bool:
        """Whether it was received too often; then it becomes a dead letter."""
        if message.receives < self.rules.most_receives:
            return False
        self.messages.remove(message)
        if self.dead is not None:
            self.dead.put(message.body, message.group, now_us)
        return True

    def _is_new(self, dedupe: str, now_us: int) -> bool:
        while self._seen and next(iter(self._seen.values())) <= now_us - DEDUPE_US:
            self._seen.popitem(last=False)
        if dedupe in self._seen:
            return False
        self._seen[dedupe] = now_us
        return True
