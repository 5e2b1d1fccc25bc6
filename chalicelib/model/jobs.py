"""What a queue carries, as its adapter sees it. The kinds of jobs are in `chalicelib.jobs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class QueuedJob(Protocol):
    """A unit of work on a queue."""

    __slots__ = ()

    @property
    def kind(self) -> str:
        """Which kind it is, for the worker and for people."""

    @property
    def group(self) -> str | None:
        """FIFO order group; a standard queue ignores it."""

    @property
    def dedupe(self) -> str | None:
        """FIFO deduplication id: SQS drops a second send with it for five minutes."""

    @property
    def delay_s(self) -> int:
        """Seconds before it can be received, 0 to 900; a FIFO queue ignores it."""

    def record(self) -> Mapping[str, Any]:
        """What is sent, as JSON: `kind`, and the fields of that kind."""
