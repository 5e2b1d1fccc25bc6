"""Queues of jobs, and the topic that brings jobs to other regions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from ..model.identifiers import Region
from ..model.jobs import QueuedJob


class PeerQueues(Protocol):
    """The queues of this name in the other regions."""

    def send(self, region: Region, job: QueuedJob) -> None:
        """Send a job to that region, in a second or two at most, and once.

        Raises:
            Unavailable: It may have been sent or not.
            TooLarge: The job is too large.
        """


class Queue(Protocol):
    """One SQS queue."""

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        """Send all jobs, ten of different groups per call.

        Raises:
            Unavailable: Only some may have been sent; of each group, the first ones.
            TooLarge: One job is too large; none was sent.
        """

    def hide(self, receipt_handle: str, seconds: int) -> None:
        """Make a received message invisible for this long from now: its retry delay."""

    def delete(self, receipt_handles: Sequence[str]) -> None:
        """Delete received messages, up to ten; those that were deleted already are no error."""

    def depth(self) -> int:
        """The approximate number of messages that wait."""


class Topic(Protocol):
    """This region's SNS topic, to which the inboxes of all other regions are subscribed."""

    def publish(self, job: QueuedJob, regions: Collection[Region]) -> None:
        """Bring a job to the inboxes of these regions, and to no other.

        There it may arrive more than once, and in any order. The call takes about a second at
        most.

        Raises:
            Unavailable: It is not known whether the job was taken.
        """
