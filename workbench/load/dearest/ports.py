"""The ports of `CountedRegion`: twins that count what is asked of them, and note who pays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chalicelib.adapters import dynamodb as stores
from chalicelib.adapters.memory import MemoryQueue
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.memory.sessions import MemorySessions
from chalicelib.kernel.records import job_to_text
from chalicelib.model.access import Charge, Paid
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId
from chalicelib.model.jobs import QueuedJob
from chalicelib.model.log import Committed, Entry
from chalicelib.ports.system import Clock, Ids

T = TypeVar("T")
# Tokens by who pays ("limits" for a user, "addresses", "sessions") and bucket.
Charges = Counter[tuple[str, str]]

START_MS = 1_800_000_000_000
_FIFO_BATCH, _QUEUE_BYTES = 10, 64 * 1024  # SQS charges a request for each 64 KB


class VirtualClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.ms = START_MS
        self.slept_ms = 0

    def now_ms(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        took_ms = max(1, int(seconds * 1000))
        self.ms += took_ms
        self.slept_ms += took_ms


class OneByOne:
    """See `ports.system.Parallel`: one after the other, so that counts are the same each time."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        return [call() for call in calls]


class CountedPort:
    """A port whose calls are counted."""

    def __init__(self, inner: Any, counted: Callable[[], None]) -> None:
        self._inner, self._counted = inner, counted

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)
        if not callable(target):
            return target

        def call(*arguments: Any, **more: Any) -> Any:
            self._counted()
            return target(*arguments, **more)

        return call


class NotingCache(MemoryCache):
    """Notes what is charged to users and networks."""

    def __init__(self, ids: Ids, clock: Clock, charges: Charges) -> None:
        super().__init__(ids, clock)
        self._charges = charges

    def _spend_from(self, key: str, charge: Charge) -> Paid:
        self._charges[key.partition(":")[0], charge.name] += charge.tokens
        return super()._spend_from(key, charge)


class NotingSessions(MemorySessions):
    """Notes what is charged to sessions."""

    def __init__(self, clock: Clock, charges: Charges) -> None:
        super().__init__(clock)
        self._charges = charges

    def pay(self, sid: ConnectionId, charge: Charge, *, named: bool = False) -> Any:
        self._charges["sessions", charge.name] += charge.tokens
        return super().pay(sid, charge, named=named)


class CountedQueue(MemoryQueue):
    """Counts requests as SQS does: up to ten jobs in each, and each 64 KB."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self.requests, self.sent = 0, 0
        self.due: dict[int, int] = {}

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        super().send(jobs)
        self.sent += len(jobs)
        for start in range(0, len(jobs), _FIFO_BATCH):
            some = jobs[start : start + _FIFO_BATCH]
            size = sum(len(job_to_text(job)) for job in some)
            self.requests += max(1, math.ceil(size / _QUEUE_BYTES))

    def ready(self) -> list[QueuedJob]:
        """Take up to ten jobs that are due."""
        self._note_times()
        due = [job for job in self.jobs if self.due[id(job)] <= self._clock.ms][:_FIFO_BATCH]
        self.jobs[:] = [job for job in self.jobs if not any(job is one for one in due)]
        for job in due:
            del self.due[id(job)]
        return due

    def next_ms(self) -> int | None:
        """When the next job is due."""
        self._note_times()
        return min((self.due[id(job)] for job in self.jobs), default=None)

    def _note_times(self) -> None:
        for job in self.jobs:
            self.due.setdefault(id(job), self._clock.ms + job.delay_s * 1000)


@dataclass
class Posts:
    """Takes every post."""

    count: int = 0
    size: int = 0
    closed: list[ConnectionId] = field(default_factory=list)
    last: dict[ConnectionId, str] = field(default_factory=dict)

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        self.count += len(posts)
        self.size += sum(len(each.data) for each in posts)
        self.last |= {each.target.connection_id: each.data.decode() for each in posts[:4]}
        return [Outcome.DELIVERED for _ in posts]

    def close(self, target: Target) -> Outcome:
        self.closed.append(target.connection_id)
        return Outcome.DELIVERED


class ReportedLog(stores.DynamoMessageLog):
    """Keeps what was committed for the function on the table's stream."""

    def __init__(self, client: Any, prefix: str) -> None:
        super().__init__(client, prefix)
        self.news: list[Entry] = []

    def commit_all(self, entries: Any, previous: Any, now_ms: int) -> Any:
        answer = super().commit_all(entries, previous, now_ms)
        if isinstance(answer, Committed):
            self.news += [entry for entry, _ in entries]
        return answer
