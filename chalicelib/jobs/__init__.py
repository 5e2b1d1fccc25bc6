"""Jobs: one frozen class for each kind of work on a queue.

A class defines what is sent (its fields), and the queue, order group, deduplication id and delay.
`entrypoints.workers` has the table from class to handler. Two versions run side by side during a
deployment, so fields are only ever added, and a reader drops fields that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import delivery, foreign, outbound, receipts, relayed, sessions
from .base import Job, Queued

_KINDS = (
    *delivery.KINDS,
    *outbound.KINDS,
    *receipts.KINDS,
    *sessions.KINDS,
    *foreign.KINDS,
    *relayed.KINDS,
)
JOBS: Mapping[str, type[Job]] = {each.kind: each for each in _KINDS}

__all__ = ["JOBS", "Job", "Queued"]
