"""A job as the queue adapters see it. The kinds of jobs are in `chalicelib.jobs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class QueuedJob(Protocol):
    """A unit of work on a queue."""

    __slots__ = ()

    @property
    def kind(self) -> str:
        """The job's kind, which selects the worker."""

    @property
    def group(self) -> str | None:
        """The FIFO order group; a standard queue ignores it."""

    @property
    def dedupe(self) -> str | None:
        """The FIFO deduplication id: for five minutes SQS drops further sends with the same id."""

    @property
    def delay_s(self) -> int:
        """Seconds until the job can be received, 0 to 900; a FIFO queue ignores it."""

    def record(self) -> Mapping[str, Any]:
        """The JSON object to send: `kind`, and the fields of that kind."""
