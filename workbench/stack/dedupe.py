"""ministack's deduplication window of FIFO queues, without a copy of it for each message sent.

ministack 1.5 keeps the deduplication ids of five minutes in the order sent. Before each message it
copies those that have not expired, so that a message costs the more the more were sent before it:
half a millisecond of CPU for each thousand. They expire in their order, as the window is always
five minutes long: here only the expired ones at its beginning are looked at.
"""

from __future__ import annotations

import itertools
import time
from typing import Any


def prune(queue: dict[str, Any]) -> None:
    """Remove the expired ids of a queue; in the place of `ministack.services.sqs._prune_dedup`."""
    window, now_s = queue["dedup_cache"], time.time()
    expired = itertools.takewhile(lambda item: item[1]["expire"] <= now_s, window.items())
    for dedupe_id in [dedupe_id for dedupe_id, _ in expired]:
        del window[dedupe_id]


def apply() -> None:
    """Let ministack use `prune`, in this process."""
    from ministack.services import sqs

    sqs._prune_dedup = prune
