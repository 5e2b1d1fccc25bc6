"""Queues of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.jobs import QueuedJob


class Queue(Protocol):
    """One SQS queue."""

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        """All or an `Unavailable`: then some may have been sent, of a group the first ones.

        One call per ten jobs of different groups. `TooLarge` of one: then none was sent.
        """

    def hide(self, receipt_handle: str, seconds: int) -> None:
        """Make a received message invisible for so long from now (its retry delay)."""

    def depth(self) -> int:
        """About how many messages wait."""
