"""Send jobs to an SQS queue."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from ..kernel.errors import Unavailable
from ..kernel.records import MOST_JOB_BYTES, job_to_text
from ..model.jobs import QueuedJob
from .aws.errors import unavailable

_BATCH, _BATCH_BYTES, _TRIES = 10, MOST_JOB_BYTES, 3


class SqsQueue:
    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        self._fifo = name.endswith(".fifo")
        self._url = ""

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        """See `ports.Queue`."""
        entries = [self._entry(number, job) for number, job in enumerate(jobs)]
        with unavailable("the queue"):
            if len(entries) == 1:
                only = {name: value for name, value in entries[0].items() if name != "Id"}
                self._client.send_message(QueueUrl=self._queue_url(), **only)
                return
            for batch in _batches(entries):
                self._send_batch(batch)

    def depth(self) -> int:
        with unavailable("the queue"):
            answer = self._client.get_queue_attributes(
                QueueUrl=self._queue_url(), AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def hide(self, receipt_handle: str, seconds: int) -> None:
        with unavailable("the queue"):
            self._client.change_message_visibility(
                QueueUrl=self._queue_url(),
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=seconds,
            )

    def delete(self, receipt_handles: Sequence[str]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": h} for n, h in enumerate(receipt_handles)]
        with unavailable("the queue"):
            answer = self._client.delete_message_batch(QueueUrl=self._queue_url(), Entries=entries)
        # A handle that is no longer valid is the sender's fault: the message is gone.
        if any(not failure.get("SenderFault") for failure in answer.get("Failed", [])):
            raise Unavailable("the queue refused part of the batch, try again")

    def _send_batch(self, batch: list[dict[str, Any]]) -> None:
        """Send a batch; repeat what failed. In a FIFO queue, the dedupe id drops duplicates."""
        for _ in range(_TRIES):
            answer = self._client.send_message_batch(QueueUrl=self._queue_url(), Entries=batch)
            failed = {failure["Id"] for failure in answer.get("Failed", [])}
            batch = [entry for entry in batch if entry["Id"] in failed]
            if not batch:
                return
        raise Unavailable("the queue refused part of the batch, try again")

    def _entry(self, number: int, job: QueuedJob) -> dict[str, Any]:
        body = job_to_text(job)
        entry: dict[str, Any] = {"Id": str(number), "MessageBody": body}
        if self._fifo:
            entry["MessageGroupId"] = job.group or "none"
            digest = hashlib.sha256(body.encode()).hexdigest
            entry["MessageDeduplicationId"] = job.dedupe or digest()
        elif job.delay_s:
            entry["DelaySeconds"] = job.delay_s
        return entry

    def _queue_url(self) -> str:
        if not self._url:
            self._url = str(self._client.get_queue_url(QueueName=self._name)["QueueUrl"])
        return self._url


def _batches(entries: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Batches in order, with at most one entry of each FIFO group.

    SQS may refuse one entry of a batch and accept later ones: in a group, that breaks the order.
    """
    batch: list[dict[str, Any]] = []
    groups: set[str] = set()
    size = 0
    for entry in entries:
        length, group = len(entry["MessageBody"]), entry.get("MessageGroupId")
        full = len(batch) == _BATCH or size + length > _BATCH_BYTES
        if batch and (full or group in groups):
            yield batch
            batch, groups, size = [], set(), 0
        batch.append(entry)
        size += length
        if group is not None:
            groups.add(group)
    if batch:
        yield batch
