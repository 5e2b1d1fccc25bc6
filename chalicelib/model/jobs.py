"""Work on a queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """A unit of work on a queue.

    Attributes:
        kind: Which worker function takes it.
        group: FIFO order group (delivery queue only).
        dedupe: FIFO deduplication id: a second send within five minutes is dropped by SQS.
        delay_s: Seconds before it can be received (outbound queue only, 0 to 900).
    """

    kind: str
    body: Mapping[str, Any]
    group: str | None = None
    dedupe: str | None = None
    delay_s: int = 0
