"""`GET /dev/stats`: how busy the local stack is, for the page's operations view."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from .sqs import Queues, SqsError

Reply = tuple[int, dict[str, str], bytes]
_WINDOW_S = 5.0


class MessageRate:
    """Log entries that the region has written, per second over the last seconds.

    They are counted when the log's stream is read. A batch that failed comes again at once.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._times: deque[float] = deque()
        self._last = ""

    def note(self, function: str, event: Mapping[str, Any]) -> None:
        """See an invocation go by."""
        if function != "replicated":
            return
        written = [each for each in event["Records"] if _is_written(each)]
        if written and written[-1]["eventID"] != self._last:
            self._last = written[-1]["eventID"]
            self._times.extend([self._now()] * len(written))

    def per_s(self) -> float:
        oldest = self._now() - _WINDOW_S
        while self._times and self._times[0] < oldest:
            self._times.popleft()
        return round(len(self._times) / _WINDOW_S, 1)


class DevStats:
    """Answers with connections, messages per second and what waits in the queues.

    Args:
        connections: Counts the open ones.
        queue_urls: By name; those that end in `-dead` are summed as `dead_letters`.
    """

    def __init__(
        self,
        sqs: Queues,
        connections: Callable[[], int],
        rate: MessageRate,
        queue_urls: Mapping[str, str],
    ) -> None:
        self._sqs = sqs
        self._connections = connections
        self._rate = rate
        self._queue_urls = queue_urls

    async def __call__(self, body: bytes, headers: dict[str, str]) -> Reply:
        try:
            counts = await asyncio.gather(*map(self._sqs.depth, self._queue_urls.values()))
        except SqsError as fault:
            return _reply(503, {"error": {"code": "unavailable", "message": str(fault)}})
        depths = dict(zip(self._queue_urls, counts, strict=True))
        dead = {name for name in depths if name.endswith("-dead")}
        stats = {
            "connections": self._connections(),
            "messages_per_s": self._rate.per_s(),
            "queues": {name: depth for name, depth in depths.items() if name not in dead},
            "dead_letters": sum(depths[name] for name in dead),
        }
        return _reply(200, stats)


def _is_written(record: Mapping[str, Any]) -> bool:
    """Whether a record of a table's stream is a new entry of its own region."""
    image = record["dynamodb"].get("NewImage", {})
    entry, region = (str(image.get(name, {}).get("S", "")) for name in ("entry", "region"))
    is_own = region == record["awsRegion"]
    return record["eventName"] == "INSERT" and entry.startswith("e#") and is_own


def _reply(status: int, body: dict[str, Any]) -> Reply:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return status, headers, json.dumps(body).encode()
