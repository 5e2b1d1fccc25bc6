"""SQS and Lambda's event source mappings, for measurements: every request is counted.

The product's own `SqsQueue` sends to `Sqs`. An `EventSource` gives batches of up to ten messages to
a handler; an order group is in one batch at a time.
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

BATCH = 10

Handler = Callable[[dict[str, Any]], dict[str, Any]]
# Makes a call by its name: counts it, and lets it take its time.
Call = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A message; `due_s` is the monotonic time from which it can be received."""

    message_id: str
    body: str
    group: str | None
    due_s: float

    def record(self) -> dict[str, Any]:
        """As Lambda passes it to a function."""
        group = {} if self.group is None else {"MessageGroupId": self.group}
        return {
            "messageId": self.message_id,
            "receiptHandle": self.message_id,
            "body": self.body,
            "attributes": {"ApproximateReceiveCount": "1", **group},
        }


class Sqs:
    """A client of one queue, with the calls that `SqsQueue` makes.

    Attributes:
        sent: Messages that were sent so far, without those dropped as duplicates.
        batches: Batches that were received so far.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self.sent = self.batches = 0
        self._seen: set[str] = set()
        self._changed = threading.Condition()
        self._waiting: list[Message] = []
        self._received: dict[str, Message] = {}

    def get_queue_url(self, **named: str) -> dict[str, str]:
        return {"QueueUrl": named["QueueName"]}

    def send_message(self, **message: Any) -> dict[str, Any]:
        return self.send_message_batch(Entries=[message])

    def send_message_batch(self, **given: Any) -> dict[str, Any]:
        self._call("send", lambda: self._put(given["Entries"]))
        return {}

    def delete_message_batch(self, **given: Any) -> dict[str, Any]:
        handles = [entry["ReceiptHandle"] for entry in given["Entries"]]
        self._call("delete", lambda: self._forget(handles))
        return {}

    def change_message_visibility(self, **given: Any) -> None:
        raise RuntimeError(f"a job failed: {self._received[given['ReceiptHandle']].body}")

    @property
    def idle(self) -> bool:
        """Whether no message is due or being worked on."""
        with self._changed:
            return not self._received and not self._due()

    def receive(self, patience_s: float = 0.0) -> list[Message]:
        """Up to ten messages that are due, of free groups; wait for the first so many seconds."""
        until_s = time.monotonic() + patience_s
        with self._changed:
            while not (batch := self._due()) and (left_s := until_s - time.monotonic()) > 0:
                self._changed.wait(left_s)
            self.batches += bool(batch)
            self._received |= {each.message_id: each for each in batch}
            self._waiting = [each for each in self._waiting if each not in batch]
        return batch

    def settle(self, batch: list[Message]) -> None:
        """Delete a batch whose function has returned."""
        self._forget([each.message_id for each in batch])

    def _due(self) -> list[Message]:
        now_s, busy = time.monotonic(), {each.group for each in self._received.values()} - {None}
        ready = (each for each in self._waiting if each.due_s <= now_s and each.group not in busy)
        return list(itertools.islice(ready, BATCH))

    def _put(self, entries: list[Mapping[str, Any]]) -> None:
        now_s = time.monotonic()
        with self._changed:
            for entry in entries:
                dedupe = entry.get("MessageDeduplicationId")
                if dedupe is None or dedupe not in self._seen:
                    self._seen |= {dedupe} if dedupe is not None else set()
                    due_s = now_s + entry.get("DelaySeconds", 0)
                    self.sent += 1
                    group, name = entry.get("MessageGroupId"), f"m{self.sent}"
                    self._waiting.append(Message(name, entry["MessageBody"], group, due_s))
            self._changed.notify_all()

    def _forget(self, handles: list[str]) -> None:
        with self._changed:
            for handle in handles:
                self._received.pop(handle, None)
            self._changed.notify_all()


class EventSource:
    """One queue's trigger.

    Args:
        receive_s: From when a message can be received until its function begins.
    """

    def __init__(self, sqs: Sqs, handler: Handler, receive_s: Callable[[], float]) -> None:
        self._sqs, self._handler, self._receive_s = sqs, handler, receive_s
        self._ends = threading.Event()
        self._workers: list[threading.Thread] = []
        self._faults: list[BaseException] = []

    def serve(self, patience_s: float = 0.0) -> int:
        """Run the function on the next batch; return the number of its messages.

        Raises:
            RuntimeError: A job failed.
        """
        batch = self._sqs.receive(patience_s)
        if batch:
            time.sleep(self._receive_s())
            answer = self._handler({"Records": [each.record() for each in batch]})
            if answer["batchItemFailures"]:
                raise RuntimeError(f"jobs failed: {[each.body for each in batch]}")
            self._sqs.settle(batch)
        return len(batch)

    def start(self, workers: int) -> None:
        """Serve in so many threads, as so many environments do."""
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """End the workers; raise what ended one of them before."""
        self._ends.set()
        for worker in self._workers:
            worker.join()
        for fault in self._faults:
            raise fault

    def _work(self) -> None:
        try:
            while not self._ends.is_set():
                self.serve(patience_s=0.05)
        except Exception as fault:  # noqa: BLE001 - raised by `stop`
            self._faults.append(fault)
            self._ends.set()
