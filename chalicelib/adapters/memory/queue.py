"""The twin of an SQS queue: see `ports.Queue`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from ...kernel.errors import Unavailable
from ...kernel.records import job_to_text
from ...model.identifiers import Region
from ...model.jobs import QueuedJob


class MemoryQueue:
    """Jobs in the order sent; drops every later job with a known deduplication id.

    Attributes:
        jobs: The jobs that wait, oldest first.
        hidden: (receipt handle, seconds) of every delayed retry.
        deleted: The receipt handles of messages deleted before their batch returned.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self.jobs: list[QueuedJob] = []
        self.hidden: list[tuple[str, int]] = []
        self.deleted: list[str] = []

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        for job in jobs:
            job_to_text(job)  # raises for jobs that SQS would refuse
        with self._lock:
            for job in jobs:
                if job.dedupe is not None and job.dedupe in self._seen:
                    continue
                if job.dedupe is not None:
                    self._seen.add(job.dedupe)
                self.jobs.append(job)

    def depth(self) -> int:
        with self._lock:
            return len(self.jobs)

    def hide(self, receipt_handle: str, seconds: int) -> None:
        with self._lock:
            self.hidden.append((receipt_handle, seconds))

    def delete(self, receipt_handles: Sequence[str]) -> None:
        with self._lock:
            self.deleted += receipt_handles


class MemoryPeerQueues:
    """The twin of queues in other regions: see `ports.PeerQueues`.

    Attributes:
        queues: The queues that can be reached; tests add and remove them.
        asked: The regions of all calls, in their order.
    """

    def __init__(self, queues: Mapping[Region, MemoryQueue] | None = None) -> None:
        self.queues = dict(queues or {})
        self.asked: list[Region] = []

    def send(self, region: Region, job: QueuedJob) -> None:
        self.asked.append(region)
        if region not in self.queues:
            raise Unavailable("the other region did not answer")
        self.queues[region].send([job])
