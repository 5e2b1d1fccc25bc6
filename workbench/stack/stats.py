"""`GET /dev/stats`: how busy the local stack is, for the page's operations view."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from .sqs import SqsClient, SqsError

Reply = tuple[int, dict[str, str], bytes]
_WINDOW_S = 5.0


class MessageRate:
    """Log entries that came to delivery for the first time, per second over the last seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._times: deque[float] = deque()

    def note(self, function: str, event: Mapping[str, Any]) -> None:
        """See an invocation go by."""
        if function != "deliver":
            return
        for record in event["Records"]:
            first = record["attributes"].get("ApproximateReceiveCount") == "1"
            if first and _kind(record["body"]) == "entry":
                self._times.append(self._now())

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
        sqs: SqsClient,
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


def _kind(body: str) -> str | None:
    """Of a job; None for a body that is none, which the function is there to judge."""
    try:
        job = json.loads(body)
    except ValueError:
        return None
    return job.get("kind") if isinstance(job, dict) else None


def _reply(status: int, body: dict[str, Any]) -> Reply:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return status, headers, json.dumps(body).encode()
