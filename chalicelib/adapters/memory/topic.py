"""The twin of an SNS topic: see `ports.Topic`."""

from __future__ import annotations

import threading
from collections.abc import Collection

from ...kernel.errors import Unavailable
from ...kernel.records import job_to_text
from ...model.identifiers import Region
from ...model.jobs import QueuedJob
from ...ports.queues import Queue


class MemoryTopic:
    """Puts a job into the inboxes at once, or keeps it if a test is to bring it.

    Attributes:
        inboxes: The inboxes that are subscribed, by region.
        published: Every job that was taken, with its regions.
        down: Whether it does not answer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.inboxes: dict[Region, Queue] = {}
        self.published: list[tuple[QueuedJob, frozenset[Region]]] = []
        self.down = False

    def publish(self, job: QueuedJob, regions: Collection[Region]) -> None:
        job_to_text(job)  # raises for jobs that SNS would refuse
        with self._lock:
            if self.down:
                raise Unavailable("the topic is down")
            self.published.append((job, frozenset(regions)))
        for region in sorted(regions):
            if region in self.inboxes:
                self.inboxes[region].send([job])
