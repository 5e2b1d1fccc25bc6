"""A stack's tables, queues and Redis in the memory of its process: the twins of the tests.

Nothing is kept, and no other process can look inside: there are neither AWS APIs nor a Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib import wiring
from chalicelib.adapters import memory
from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.dynamodb import DynamoArrivals
from chalicelib.adapters.dynamodb.log_items import entry_item
from chalicelib.adapters.http.credentials import credentials
from chalicelib.adapters.issuer import HttpIssuer
from chalicelib.adapters.probes import SystemProbes
from chalicelib.adapters.system import SystemClock, SystemIds, SystemThreads
from chalicelib.composition import compose
from chalicelib.kernel import telemetry
from chalicelib.kernel.records import job_to_text
from chalicelib.kernel.settings import Settings
from chalicelib.model.identifiers import ConnectionId, Region
from chalicelib.model.jobs import QueuedJob
from chalicelib.model.log import BatchResult, Committed, Entry, Head
from chalicelib.ports.adapters import Adapters
from chalicelib.ports.system import Clock
from chalicelib.services import Services
from operate import keys
from workbench import twins
from workbench.queues import Message, QueueState, Rules

from .children import Child
from .records import ACCOUNT
from .regions.endpoint import Records
from .sqs import Message as Received
from .table_streams import POLL_S


class MemoryStores:
    """See `stores.Stores`."""

    def __init__(self, region: str, prefix: str) -> None:
        # Nothing listens at this address, so that a stray call fails instead of reaching AWS.
        self.aws_endpoint_url, self.redis_url = "http://127.0.0.1:1", ""
        self.keys = keys.ANY
        self.secret = os.environ.get("TIDINGS_JWT_SECRET") or secrets.token_hex(32)
        self.children: dict[str, Child] = {}
        self.queue_urls: dict[str, str] = {}
        self._prefix = prefix
        self._queues: dict[str, LocalQueue] = {}  # by URL
        self._log = _ReportingLog(Region(region))
        self._clock = SystemClock()
        self._sessions = _WakingSessions(self._clock)
        self._building = threading.Lock()
        self._services: Services | None = None

    async def start(self) -> None:
        """Nothing has to be started."""

    async def create(self, definition: dict[str, Any]) -> None:
        """Make the queues; see `resources.load`."""
        rules = definition["queues"]
        for name in sorted(rules, key=lambda name: not name.endswith("-dead")):
            suffix = ".fifo" if rules[name]["fifo"] else ""
            url = self.queue_urls[name] = f"memory:///{self._prefix}-{name}{suffix}"
            dead = self._queues.get(self.queue_urls.get(f"{name}-dead", ""))
            self._queues[url] = LocalQueue(Rules.of(name, rules[name]), dead)

    @contextlib.contextmanager
    def wired(self) -> Iterator[None]:
        """Let the functions' services stand on these stores."""
        before, wiring.build = wiring.build, self._build
        try:
            yield
        finally:
            wiring.build = before

    def queues(self) -> LocalQueues:
        return LocalQueues(self._queues)

    def streams(self) -> _ReportingLog:
        return self._log

    def stop(self) -> None:
        """Let the polls that wait fail, as they do when a Redis ends."""
        self._sessions.end()

    def _build(self, settings: Settings) -> Services:
        """Compose the services once: two invocations may ask for the first time together."""
        with self._building:
            if self._services is None:
                self._services = self._composed(settings)
            return self._services

    def _composed(self, settings: Settings) -> Services:
        telemetry.configure(settings.log_level, settings.metrics_namespace)
        ports = twins.ports(self._clock, SystemIds(), self.secret)
        poster = wiring.poster(settings, ports["cache"], self._clock, credentials())
        for name in twins.QUEUES:
            if (url := self.queue_urls.get(name.replace("_", "-"))) is not None:
                ports[name] = self._queues[url]
        ports["log"] = self._log
        ports["sessions"] = self._sessions
        ports["probes"] = SystemProbes(poster)
        ports["arrivals"] = DynamoArrivals(self._prefix, Region(settings.region))
        ports["issuer"] = HttpIssuer(settings.jwks_url)  # the user's, if they name one
        ports["poster"] = EnginePoster(poster, self._sessions)
        return compose(settings, Adapters(**ports, parallel=SystemThreads()))


class LocalQueue:
    """A queue for the product's threads, see `ports.queues.Queue`, and for a pump's event loop."""

    def __init__(self, rules: Rules, dead: LocalQueue | None = None) -> None:
        self._state: QueueState = QueueState(rules, dead._state if dead is not None else None)
        self._lock: threading.Lock = dead._lock if dead is not None else threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        texts = [job_to_text(job) for job in jobs]
        with self._lock:
            for job, text in zip(jobs, texts, strict=True):
                self._state.send(job, text, _now_us())
        self._tell()

    def hide(self, receipt_handle: str, seconds: int) -> None:
        with self._lock:
            self._state.hide(receipt_handle, _now_us() + seconds * 1_000_000)
        self._tell()

    def delete(self, receipt_handles: Sequence[str]) -> None:
        with self._lock:
            self._state.delete(receipt_handles)
        self._tell()

    def depth(self) -> int:
        with self._lock:
            return len(self._state.messages)

    def waiting(self) -> int:
        """How many messages can be received now."""
        with self._lock:
            return sum(each.visible_us <= _now_us() for each in self._state.messages)

    async def receive(self, most: int, wait_s: float) -> list[Message]:
        """Take messages; wait for the first."""
        until_s = self._loop.time() + wait_s
        while True:
            self._changed.clear()
            now_us = _now_us()
            with self._lock:
                batch = self._state.receive(now_us, most)
                next_us = self._state.next_us(now_us)
            left_s = until_s - self._loop.time()
            if batch or left_s <= 0:
                return batch
            if next_us is not None:
                left_s = min(left_s, (next_us - now_us) / 1e6)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left_s)

    def _tell(self) -> None:
        self._loop.call_soon_threadsafe(self._changed.set)


class LocalQueues:
    """The calls of `SqsClient` that a stack makes."""

    def __init__(self, queues: Mapping[str, LocalQueue]) -> None:
        self._queues = queues

    async def receive(
        self, queue_url: str, count: int, wait_s: int, visibility_s: int
    ) -> list[Received]:
        """The messages are hidden for their queue's own time, which is `visibility_s`."""
        return list(map(_received, await self._queues[queue_url].receive(count, wait_s)))

    async def delete(self, queue_url: str, receipt_handles: Sequence[str]) -> None:
        self._queues[queue_url].delete(receipt_handles)

    async def depth(self, queue_url: str) -> int:
        return self._queues[queue_url].waiting()

    async def close(self) -> None:
        """Nothing is open."""


class _WakingSessions(twins.RingingSessions):
    """The bell for threads."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._bells: dict[ConnectionId, threading.Event] = {}

    def wait(self, sid: ConnectionId, seconds: float) -> None:
        bell = self._bells.setdefault(sid, threading.Event())
        bell.wait(seconds)
        if self._bells.get(sid) is bell:
            del self._bells[sid]

    def end(self) -> None:
        """Fail from now on."""
        self.down = True
        for bell in list(self._bells.values()):
            bell.set()

    def _ring(self, sid: ConnectionId) -> None:
        self._bells.setdefault(sid, threading.Event()).set()


class _ReportingLog(memory.MemoryMessageLog):
    """The log's twin, and the stream of its table; see `stream_pumps.Source`."""

    def __init__(self, region: Region) -> None:
        super().__init__()
        self._region = region
        self._reporting = threading.Lock()  # entries are reported in the order of their commits
        self._records: list[dict[str, Any]] = []
        self._dropped = 0

    def commit_all(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> BatchResult:
        with self._reporting:
            result = super().commit_all(entries, previous, now_ms)
            if isinstance(result, Committed):
                self._records += [self._record(entry, now_ms) for entry, _ in entries]
        return result

    async def stream(
        self, table: str, stream: str | None, after: int, *, most: int, wait_s: float
    ) -> Records:
        """The next records; those before are dropped."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        while True:
            with self._reporting:
                del self._records[: after - self._dropped]
                self._dropped = after
                records = tuple(self._records[:most])
            if records or loop.time() >= until_s:
                arn = f"arn:aws:dynamodb:{self._region}:{ACCOUNT}:table/{table}/stream/memory"
                named = tuple({**each, "eventSourceARN": arn} for each in records)
                return Records(arn, after + len(records), 0, named)
            await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        """Nothing is open."""

    def _record(self, entry: Entry, now_ms: int) -> dict[str, Any]:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html"""
        item = entry_item(entry)
        return {
            "eventID": entry.message_id,
            "eventName": "INSERT",
            "awsRegion": self._region,
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "ApproximateCreationDateTime": now_ms / 1000,
                "Keys": {name: item[name] for name in ("stream", "entry")},
                "NewImage": item,
            },
        }


def _received(message: Message) -> Received:
    return {
        "MessageId": message.message_id,
        "ReceiptHandle": message.message_id,
        "Body": message.body,
        "Attributes": message.attributes,
        "MD5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
    }


def _now_us() -> int:
    return time.monotonic_ns() // 1000
