"""A commit of one entry as a batch of one, for the log's adapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..kernel.errors import NotFound
from ..model.log import BatchResult, CommitResult, Entry, Head, Refused


class CommitOne(Protocol):
    """Gives `commit` to a log that has `commit_all`."""

    def commit(self, entry: Entry, previous: Head, dedupe: str | None, now_ms: int) -> CommitResult:
        """See `ports.MessageLog.commit`."""
        result = self.commit_all([(entry, dedupe)], previous, now_ms)
        if not isinstance(result, Refused):
            return result
        known = result.by[0]
        if known is None:
            raise NotFound("the message does not exist")
        return known

    def commit_all(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> BatchResult: ...
