"""The topic that brings jobs to other regions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from ..model.identifiers import Region
from ..model.jobs import QueuedJob


class Topic(Protocol):
    """This region's SNS topic, to which the inboxes of all other regions are subscribed."""

    def publish(self, job: QueuedJob, regions: Collection[Region]) -> None:
        """Bring a job to the inboxes of these regions, and to no other.

        There it may arrive more than once, and in any order. The call takes about a second at
        most.

        Raises:
            Unavailable: It is not known whether the job was taken.
        """
