"""Post to connections and close them. This is the service's hot loop.

It does not decide what a 410 means for a delivery, and retries nothing; `pool` documents the one
case in which the HTTP client sends a request twice.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence

from ...kernel import telemetry
from ...kernel.ids import transport_id
from ...model.connections import Target
from ...model.delivery import Outcome, Post
from ...model.identifiers import ConnectionId, Region, RoomId, UserId
from ...ports.system import Clock
from ..http.client import HttpClient, submit
from ..http.endpoints import domain
from ..http.pool import Pool
from ..http.sigv4 import EMPTY_HASH, Credentials, Signer, amz_date, paths
from .batch import Batch, SignedRequest
from .budget import Allowance, Lease, Report
from .outcomes import Crowd

_NO_CONNECTION = ConnectionId("AAAAAAAAAAAAAAA=")  # of the usual form, and nobody's
_WAIT_S, _WAITS = 0.025, 80
_REFUSALS = (Outcome.BUSY, Outcome.THROTTLED, Outcome.FAILED)


class ApiGatewayPoster:
    """See `ports.Poster`. Thread-safe; starts its thread at the first use.

    Args:
        connections_url: Base URL of a local gateway; "" for AWS's own address.
        credentials: Called once per batch, so that refreshed credentials are used.
        concurrency: Maximum number of sockets to one host, for all callers together.
        timeout_s: Seconds for opening a socket, and for a request from the time it is written.
        budget: Leases posts from the shared budget; None for no budget.
        note: Stores how many posts were taken and how many refused; None to store nothing.
        young_ms: A 410 on a connection younger than this is counted separately.
        fallback_per_s: Posts per second while the budget's cache is down.

    Attributes:
        counts: Number of answers by HTTP status and of failures by name, since the start.
    """

    def __init__(
        self,
        region: str,
        connections_url: str,
        credentials: Callable[[], Credentials],
        concurrency: int = 64,
        timeout_s: float = 2.0,
        budget: Lease | None = None,
        *,
        note: Callable[[int, int], None] | None = None,
        clock: Clock,
        young_ms: int = 5000,
        fallback_per_s: int = 800,
    ) -> None:
        self.counts: Counter[int | str] = Counter()
        self._region = region
        self._url = connections_url.rstrip("/")
        self._credentials = credentials
        self._client = HttpClient(concurrency, timeout_s, clock)
        self._timeout_s = timeout_s
        self._allowance = Allowance(budget, fallback_per_s, clock) if budget else None
        self._report = Report(note, clock) if note else None
        self._crowd = Crowd(clock)
        self._clock = clock
        self._young_ms = young_ms

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        """Send what the budget grants now; wait about two seconds at most for the rest.

        With `within_ms` nobody waits for the budget: what it refuses is `UNSENT` at once.
        """
        until_ms = self._clock.now_ms() + within_ms if within_ms is not None else None
        hashes: dict[bytes, str] = {}
        for post in posts:
            if post.data not in hashes:
                hashes[post.data] = hashlib.sha256(post.data).hexdigest()
        batch = self._batch()
        requests = [batch.add("POST", post.target, post.data, hashes[post.data]) for post in posts]
        rooms = [post.room_id for post in posts]
        outcomes = self._perform(batch, requests, rooms, self._allowance, until_ms)
        if self._report is not None and outcomes:
            self._report.add(outcomes.count(Outcome.DELIVERED), sum(map(outcomes.count, _REFUSALS)))
        return outcomes

    def close(self, target: Target) -> Outcome:
        """DELETE the connection; does not use the budget of posts."""
        batch = self._batch()
        request = batch.add("DELETE", target, b"", EMPTY_HASH)
        return self._perform(batch, [request], [None], None)[0]

    def reaches(self, api_id: str, stage: str) -> bool:
        """Whether a GET of a connection that does not exist is answered as one; no side effect.

        A 429 shows that @connections is there, too. Whether this id is taken for one that is gone
        (410) or for none (400) does not matter.
        """
        region = Region(self._region)
        target = Target(_NO_CONNECTION, UserId(""), api_id, stage, region, "json", 0)
        batch = self._batch()
        request = batch.add("GET", target, b"", EMPTY_HASH)
        [outcome] = self._perform(batch, [request], [None], None)
        return outcome is not Outcome.FAILED or "status_400" in batch.failures

    def stop(self) -> None:
        """Stop the thread and close its sockets; pending posts fail. Start no call meanwhile."""
        self._client.stop()

    def _batch(self) -> Batch:
        young_before_ms = self._clock.now_ms() - self._young_ms
        return Batch(young_before_ms, self.counts, self._crowd, _submit)

    def _perform(
        self,
        batch: Batch,
        requests: list[SignedRequest],
        rooms: list[RoomId | None],
        allowance: Allowance | None,
        until_ms: int | None = None,
    ) -> list[Outcome]:
        if not requests:
            return []
        try:
            self._route(requests)
        except Exception as fault:  # noqa: BLE001 - this port never raises; log the error
            telemetry.error("post_unsigned", fault)
            return batch.outcomes
        loop = self._client.running()
        sent, waits = 0, 0
        while sent < len(requests) and not batch.done.is_set():
            end = _end_of_room(rooms, sent)
            granted = allowance.take(end - sent, rooms[sent]) if allowance else end - sent
            if granted:
                loop.call_soon_threadsafe(batch.grant, requests[sent : sent + granted])
                sent += granted
            elif waits == _WAITS or until_ms is not None:
                loop.call_soon_threadsafe(batch.throttle, requests[sent:])
                break
            else:
                waits += 1
                self._clock.sleep(_WAIT_S)
        if until_ms is not None:
            left_ms = max(0, until_ms - self._clock.now_ms())
            if not batch.done.wait(left_ms / 1000):
                loop.call_soon_threadsafe(batch.begin_no_more, requests)
                # One that is written once more, on another socket, has a time-out of its own.
                if not batch.done.wait(self._timeout_s):
                    loop.call_soon_threadsafe(batch.give_up, requests)
        batch.done.wait()
        if batch.failures:
            telemetry.log("WARNING", "post_failed", **batch.failures)
        return batch.outcomes

    def _route(self, requests: list[SignedRequest]) -> None:
        """Give every request its signer, paths and pool."""
        credentials = self._credentials()
        date = amz_date(self._clock.now_ms())
        known: dict[tuple[str, str], tuple[Pool, Signer]] = {}
        for request in requests:
            key = request.target.api_id, request.target.region
            if key not in known:
                region = request.target.region or self._region
                pool = self._client.pool(
                    self._url
                    or f"https://{request.target.api_id}.execute-api.{region}.{domain(region)}"
                )
                known[key] = pool, Signer(pool.host, region, credentials, date)
            request.pool, request.signer = known[key]
            request.paths = paths(request.target.stage, transport_id(request.target.connection_id))


def _submit(requests: Sequence[SignedRequest]) -> None:
    submit([request.pool for request in requests], requests)


def _end_of_room(rooms: list[RoomId | None], start: int) -> int:
    """Return where the posts of the room that begin at `start` end."""
    end = start + 1
    while end < len(rooms) and rooms[end] == rooms[start]:
        end += 1
    return end
