"""The @connections client: hand-signed posts on keep-alive sockets. The product's hot loop.

One event loop in a daemon thread serves all callers; Lambda freezes it between invocations and
sockets that were closed meanwhile are replaced. There is no task, future or timer per post:
sockets take the next post from their host's queue as callbacks. It must not judge what a 410
means nor try anything again, with one exception:

A post written on a *reused* socket that closes without a single byte of answer goes once more,
on a fresh socket: the server had almost certainly closed the idle socket before it saw the
post. Should it have processed it after all, the receiver gets the frame twice; clients drop
the second by message id. A fresh socket's failure is never retried here.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ...kernel import telemetry
from ...kernel.errors import CacheDown, Unavailable
from ...kernel.ids import transport_id
from ...model.connections import Target
from ...model.delivery import Outcome, Post
from ...model.identifiers import ConnectionId
from ...ports.system import Clock
from .sigv4 import Credentials, Signer, paths

_OUTCOMES = {
    200: Outcome.DELIVERED,
    204: Outcome.DELIVERED,
    410: Outcome.GONE,
    413: Outcome.TOO_LARGE,
    429: Outcome.THROTTLED,
}
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()
_ANSWER_BYTES = 65_536  # more than this is no answer of @connections
_IDLE_MS = 50_000  # older idle sockets are not trusted: gateways and NATs drop them in silence
_LEASE_MS, _LEASE_AHEAD = 1000, 64
_OTHER_ADDRESS_S = 0.25  # as RFC 8305 recommends
_WAIT_S, _WAITS = 0.025, 80
_CROWD, _CROWD_MS = 5, 1000


def parse_answer(data: bytes) -> tuple[int, bool] | None:
    """(status, reusable) of a complete HTTP/1.1 answer, None when there is more to come.

    Raises:
        ValueError: It is not one.
    """
    end = data.find(b"\r\n\r\n")
    if len(data) > _ANSWER_BYTES or not data.startswith(b"HTTP/1."[: len(data)]):
        raise ValueError("not an answer")
    if end < 0:
        return None
    if not data[9:12].isdigit() or data[8:9] != b" " or data[12:13] not in b" \r":
        raise ValueError("no status")
    status = int(data[9:12])
    if status < 200:
        raise ValueError("an interim answer, never asked for")
    head = data[:end].lower()
    reusable = data[7:8] == b"1" and b"close" not in (_field(head, b"\r\nconnection:") or b"")
    body = end + 4
    if status in (204, 304):
        return status, reusable and len(data) == body
    if (coding := _field(head, b"\r\ntransfer-encoding:")) is not None:
        if coding != b"chunked":
            raise ValueError("unknown transfer coding")
        stop = _chunked_end(data, body)
    elif (length := _field(head, b"\r\ncontent-length:")) is not None:
        if not length.isdigit():
            raise ValueError("no length")
        stop = body + int(length)
    else:
        return status, False  # the body ends with the connection: nobody waits for it
    if stop < 0 or len(data) < stop:
        return None
    return status, reusable and len(data) == stop


def _field(head: bytes, name: bytes) -> bytes | None:
    at = head.find(name)
    if at < 0:
        return None
    at += len(name)
    end = head.find(b"\r\n", at)
    return head[at : end if end >= 0 else None].strip()


def _chunked_end(data: bytes, at: int) -> int:
    """Where the chunked body that starts at `at` ends; -1 when there is more to come."""
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].partition(b";")[0], 16)
        if size < 0:
            raise ValueError("negative chunk")
        at = end + 2
        if not size:  # then trailers up to an empty line
            last = data.find(b"\r\n\r\n", end)
            return last + 4 if last >= 0 else -1
        if len(data) >= at + size + 2 and data[at + size : at + size + 2] != b"\r\n":
            raise ValueError("chunk without end")
        at += size + 2
    return -1


class _Crowd:
    """Tells which of its two meanings a 429 has. Lives in the loop's thread.

    It is the client's buffer that is full, unless within a second several connections and at
    least half of the answers say 429: then the account's requests are used up.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_ms = 0
        self._answers, self._throttled = 0, 0
        self._connections: set[ConnectionId] = set()

    def outcome(self, status: int, connection_id: ConnectionId) -> Outcome:
        now_ms = self._clock.now_ms()
        if now_ms - self._since_ms >= _CROWD_MS:
            self._since_ms, self._answers, self._throttled = now_ms, 0, 0
            self._connections.clear()
        self._answers += 1
        outcome = _OUTCOMES.get(status, Outcome.FAILED)
        if outcome is not Outcome.THROTTLED:
            return outcome
        self._throttled += 1
        self._connections.add(connection_id)
        many = len(self._connections) >= _CROWD and 2 * self._throttled >= self._answers
        return Outcome.BUSY if many else outcome


class _Batch:
    """What one caller waits for. Settled in the loop's thread only."""

    def __init__(
        self, size: int, young_before_ms: int, counts: Counter[int | str], crowd: _Crowd
    ) -> None:
        self.outcomes = [Outcome.FAILED] * size
        self.failures: Counter[str] = Counter()
        self.done = threading.Event()
        self._left = size
        self._young_before_ms = young_before_ms
        self._counts = counts
        self._crowd = crowd

    def settle(self, item: _Item, result: int | str) -> None:
        """`result` is the HTTP status, or the name of what prevented one."""
        outcome = Outcome.FAILED
        if isinstance(result, int):
            outcome = self._crowd.outcome(result, item.target.connection_id)
        self.outcomes[item.index] = outcome
        if outcome is Outcome.FAILED:
            self.failures[f"status_{result}" if isinstance(result, int) else result] += 1
        elif outcome is Outcome.BUSY:
            self._counts["429_crowd"] += 1
        if result == 410 and item.target.connected_at_ms > self._young_before_ms:
            result = "410_young"
        self._counts[result] += 1
        self.skip(1)

    def throttle(self, start: int) -> None:
        """The posts from `start` on found no budget."""
        count = len(self.outcomes) - start
        self.outcomes[start:] = [Outcome.UNSENT] * count
        self._counts["no_budget"] += count
        self.skip(count)

    def skip(self, count: int) -> None:
        self._left -= count
        if not self._left:
            self.done.set()


class _Item:
    """One request to be; signed when a socket takes it."""

    __slots__ = ("batch", "body", "digest", "index", "method", "paths", "signer", "target")

    def __init__(
        self, batch: _Batch, index: int, method: str, target: Target, body: bytes, digest: str
    ) -> None:
        self.batch, self.index, self.method = batch, index, method
        self.target, self.body, self.digest = target, body, digest
        self.signer: Signer
        self.paths: tuple[str, str]

    def request(self) -> bytes:
        signer = self.signer
        wire, canonical = self.paths
        authorization = signer.authorization(self.method, canonical, self.digest)
        head = (
            f"{self.method} {wire} HTTP/1.1\r\n{signer.headers}authorization: {authorization}\r\n"
            f"content-length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


class _Socket(asyncio.BufferedProtocol):
    """One connection with at most one request under way.

    Attributes:
        used: It has answered before: it may have been closed for idleness since.
        since_ms: When it became idle.
        deadline: Loop time at which its request fails.
    """

    __slots__ = ("buffer", "deadline", "item", "pool", "since_ms", "transport", "used")

    def __init__(self, pool: _Pool) -> None:
        self.pool = pool
        self.transport: Any = None
        self.item: _Item | None = None
        self.used = False
        self.buffer = b""
        self.since_ms = 0
        self.deadline = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.pool.scratch

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self.pool.scratch[:nbytes])
        if self.item is None:  # nobody asked: out of step
            self.transport.abort()
            return
        if self.buffer:
            data = self.buffer + data
        try:
            answer = parse_answer(data)
        except ValueError:
            self.pool.finish(self, "malformed", reusable=False)
            return
        if answer is None:
            self.buffer = data
        else:
            self.buffer = b""
            self.pool.finish(self, answer[0], reusable=answer[1])

    def connection_lost(self, exc: Exception | None) -> None:
        self.pool.lost(self)


class _Pool:
    """The sockets to one host and the requests waiting for them. Lives in the loop's thread.

    A waiting request has no deadline of its own: it starts when a socket takes it.

    Attributes:
        scratch: Where every socket reads into; copied out before the next one reads.
    """

    def __init__(self, base: str, concurrency: int, timeout_s: float, clock: Clock) -> None:
        url = urlsplit(base)
        self._tls = url.scheme == "https"
        self._port = url.port or (443 if self._tls else 80)
        self._name = url.hostname or ""
        self.host = url.netloc.removesuffix(":443" if self._tls else ":80")
        self.scratch = memoryview(bytearray(_ANSWER_BYTES))
        self._concurrency, self._timeout_s, self._clock = concurrency, timeout_s, clock
        self._queue: deque[_Item] = deque()
        self._again: deque[_Item] = deque()  # for fresh sockets only
        self._idle: deque[_Socket] = deque()
        self._busy: dict[_Socket, None] = {}  # in the order of their deadlines
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()  # sockets being opened
        self._alarm: asyncio.TimerHandle | None = None
        self._context: Any = None

    def submit(self, items: Iterable[_Item]) -> None:
        self._queue.extend(items)
        oldest_ms = self._clock.now_ms() - _IDLE_MS
        while self._idle and self._queue:
            socket = self._idle.pop()
            if socket.since_ms < oldest_ms:
                socket.transport.abort()
            elif not socket.transport.is_closing():
                self._send(socket, self._queue.popleft())
        self._grow()

    def _send(self, socket: _Socket, item: _Item) -> None:
        socket.item = item
        loop = asyncio.get_running_loop()
        socket.deadline = loop.time() + self._timeout_s
        self._busy[socket] = None
        if self._alarm is None:
            self._alarm = loop.call_at(socket.deadline, self._expire)
        socket.transport.write(item.request())

    def finish(self, socket: _Socket, result: int | str, *, reusable: bool) -> None:
        """The request of `socket` has come to its end."""
        item = socket.item
        assert item is not None
        socket.item = None
        socket.used = True
        del self._busy[socket]
        if not reusable or socket.transport.is_closing():
            socket.transport.abort()
        elif self._queue:
            self._send(socket, self._queue.popleft())
        else:
            socket.since_ms = self._clock.now_ms()
            self._idle.append(socket)
        item.batch.settle(item, result)

    def lost(self, socket: _Socket) -> None:
        """`socket` is closed, by whomever."""
        self._open -= 1
        if socket in self._idle:
            self._idle.remove(socket)
        item = socket.item
        if item is not None:
            socket.item = None
            del self._busy[socket]
            if socket.used and not socket.buffer:
                self._again.append(item)
            else:
                item.batch.settle(item, "closed")
        self._grow()

    def _grow(self) -> None:
        """Open as many sockets as there is work for, within the bound."""
        wanted = len(self._queue) + len(self._again) - len(self._tasks)
        room = self._concurrency - self._open - len(self._tasks)
        for _ in range(min(wanted, room)):
            task = asyncio.get_running_loop().create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._connected)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        if self._tls and self._context is None:
            import ssl

            self._context = ssl.create_default_context()
        async with asyncio.timeout(self._timeout_s):
            _, socket = await loop.create_connection(
                lambda: _Socket(self),
                self._name,
                self._port,
                ssl=self._context,
                # Of a name with addresses of both kinds one kind may have no way there.
                happy_eyeballs_delay=_OTHER_ADDRESS_S,
            )
        self._open += 1
        if self._again or self._queue:
            self._send(socket, (self._again or self._queue).popleft())
        else:
            socket.since_ms = self._clock.now_ms()
            self._idle.append(socket)

    def _connected(self, task: asyncio.Task[None]) -> None:
        """One that cannot be opened fails its share; the last one fails all that wait."""
        self._tasks.discard(task)
        if task.cancelled():
            return
        fault = task.exception()
        if fault is None:
            self._grow()  # for what came while this task still counted as a socket to be
            return
        failed = [self._again.popleft()] if self._again else []
        if not self._open and not self._tasks:
            failed += [*self._again, *self._queue]
            self._again.clear()
            self._queue.clear()
        cause = "timeout" if isinstance(fault, TimeoutError) else "refused"
        for item in failed:
            item.batch.settle(item, cause)

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._alarm = None
        for socket in list(self._busy):
            if socket.deadline > now:
                self._alarm = loop.call_at(socket.deadline, self._expire)
                break
            self.finish(socket, "timeout", reusable=False)

    def stop(self) -> None:
        """Close all sockets and fail what is under way or waits."""
        self._concurrency = 0
        waiting = [*self._again, *self._queue]
        self._again.clear()
        self._queue.clear()
        for task in self._tasks:
            task.cancel()
        for socket in list(self._busy):
            self.finish(socket, "stopped", reusable=False)
        for socket in self._idle:
            socket.transport.abort()
        for item in waiting:
            item.batch.settle(item, "stopped")


class _Allowance:
    """Posts this process may make: leases of the shared budget, their leftovers for a second.

    A busy process leases what its last second took in one call (at most 64 ahead), a quiet one
    exactly what it needs. With the cache away, a local bucket of `fallback_per_s` stands in.
    """

    def __init__(self, budget: Callable[[int], int], fallback_per_s: int, clock: Clock) -> None:
        self._budget, self._fallback_per_s, self._clock = budget, fallback_per_s, clock
        self._lock = threading.Lock()
        self._left, self._until_ms = 0, 0
        self._window_ms, self._taken = 0, 0
        self._bucket, self._filled_ms = float(fallback_per_s), clock.now_ms()

    def take(self, wanted: int) -> int:
        with self._lock:
            now_ms = self._clock.now_ms()
            if now_ms - self._window_ms >= _LEASE_MS:
                self._window_ms, self._taken = now_ms, 0
            if now_ms >= self._until_ms:
                self._left = 0
            if self._left < wanted:
                self._lease(wanted, now_ms)
            granted = min(wanted, self._left)
            self._left -= granted
            self._taken += granted
            return granted

    def _lease(self, wanted: int, now_ms: int) -> None:
        missing = wanted - self._left
        try:
            granted = self._budget(max(missing, min(self._taken, _LEASE_AHEAD)))
        except CacheDown:
            granted = self._local(missing, now_ms)
        if granted > 0:
            self._left += granted
            self._until_ms = now_ms + _LEASE_MS

    def _local(self, wanted: int, now_ms: int) -> int:
        refill = (now_ms - self._filled_ms) * self._fallback_per_s / 1000
        self._bucket = min(float(self._fallback_per_s), self._bucket + max(0.0, refill))
        self._filled_ms = now_ms
        granted = min(wanted, int(self._bucket))
        self._bucket -= granted
        return granted


class ApiGatewayPoster:
    """See `ports.Poster`. Thread-safe; starts its thread at the first use.

    Args:
        connections_url: Base URL of a local gateway; "" for AWS's own address.
        credentials: Called once a batch, so that refreshed credentials are taken up.
        concurrency: Sockets to one host at most, over all callers.
        timeout_s: For opening a socket, and for a request from its writing on.
        budget: Leases posts from the shared rate budget, answers how many; None for no budget.
        young_ms: A 410 on a younger connection is counted apart ("not there yet").
        fallback_per_s: Posts a second while the budget's cache is away.

    Attributes:
        counts: Answers by HTTP status, failures by name, since the start.
    """

    def __init__(
        self,
        region: str,
        connections_url: str,
        credentials: Callable[[], Credentials],
        concurrency: int = 64,
        timeout_s: float = 2.0,
        budget: Callable[[int], int] | None = None,
        *,
        clock: Clock,
        young_ms: int = 5000,
        fallback_per_s: int = 800,
    ) -> None:
        self.counts: Counter[int | str] = Counter()
        self._region = region
        self._url = connections_url.rstrip("/")
        self._credentials = credentials
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._allowance = _Allowance(budget, fallback_per_s, clock) if budget else None
        self._crowd = _Crowd(clock)
        self._clock = clock
        self._young_ms = young_ms
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pools: dict[str, _Pool] = {}

    def post(self, posts: Sequence[Post]) -> list[Outcome]:
        """Send what the budget grants at once, the rest within about two seconds or never."""
        hashes: dict[bytes, str] = {}
        for post in posts:
            if post.data not in hashes:
                hashes[post.data] = hashlib.sha256(post.data).hexdigest()
        batch = self._batch(len(posts))
        items = [
            _Item(batch, index, "POST", post.target, post.data, hashes[post.data])
            for index, post in enumerate(posts)
        ]
        return self._perform(batch, items, self._allowance)

    def close(self, target: Target) -> Outcome:
        """DELETE the connection; takes nothing from the budget of posts."""
        batch = self._batch(1)
        item = _Item(batch, 0, "DELETE", target, b"", _EMPTY_HASH)
        return self._perform(batch, [item], None)[0]

    def stop(self) -> None:
        """End the thread and its sockets; posts under way fail. No call may start meanwhile."""
        with self._lock:
            loop, thread, pools = self._loop, self._thread, self._pools
            self._loop, self._thread, self._pools = None, None, {}
        if loop is None or thread is None:
            return

        def end() -> None:
            for pool in pools.values():
                pool.stop()
            loop.call_soon(loop.call_soon, loop.stop)  # after the sockets' last callbacks

        loop.call_soon_threadsafe(end)
        thread.join()
        loop.close()

    def _batch(self, size: int) -> _Batch:
        young_before_ms = self._clock.now_ms() - self._young_ms
        return _Batch(size, young_before_ms, self.counts, self._crowd)

    def _perform(
        self, batch: _Batch, items: list[_Item], allowance: _Allowance | None
    ) -> list[Outcome]:
        if not items:
            return []
        try:
            pools = self._route(items)
        except Exception as fault:  # noqa: BLE001 - a port that never raises; the fault is logged
            telemetry.error("post_unsigned", fault)
            return batch.outcomes
        loop = self._running()
        sent, waits = 0, 0
        while sent < len(items):
            granted = allowance.take(len(items) - sent) if allowance else len(items)
            if granted:
                part, works = slice(sent, sent + granted), pools[sent : sent + granted]
                loop.call_soon_threadsafe(_submit, works, items[part])
                sent += granted
            elif waits == _WAITS:
                loop.call_soon_threadsafe(batch.throttle, sent)
                break
            else:
                waits += 1
                self._clock.sleep(_WAIT_S)
        batch.done.wait()
        if batch.failures:
            telemetry.log("WARNING", "post_failed", **batch.failures)
        return batch.outcomes

    def _route(self, items: list[_Item]) -> list[_Pool]:
        """Give every item its signer and paths; answers their pools."""
        credentials = self._credentials()
        date = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        known: dict[tuple[str, str], tuple[_Pool, Signer]] = {}
        pools = []
        for item in items:
            key = item.target.api_id, item.target.region
            if key not in known:
                region = item.target.region or self._region
                pool = self._pool(
                    self._url or f"https://{item.target.api_id}.execute-api.{region}.amazonaws.com"
                )
                known[key] = pool, Signer(pool.host, region, credentials, date)
            pool, item.signer = known[key]
            item.paths = paths(item.target.stage, transport_id(item.target.connection_id))
            pools.append(pool)
        return pools

    def _pool(self, base: str) -> _Pool:
        with self._lock:
            pool = self._pools.get(base)
            if pool is None:
                pool = _Pool(base, self._concurrency, self._timeout_s, self._clock)
                self._pools[base] = pool
            return pool

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="connections", daemon=True
                )
                self._thread.start()
            return self._loop


def _submit(pools: list[_Pool], items: list[_Item]) -> None:
    by_pool: dict[_Pool, list[_Item]] = {}
    for pool, item in zip(pools, items, strict=True):
        by_pool.setdefault(pool, []).append(item)
    for pool, work in by_pool.items():
        pool.submit(work)


def botocore_credentials() -> Callable[[], Credentials]:
    """Credentials as botocore finds them, refreshed by it as they age.

    Raises:
        Unavailable: (the answered function) There are none.
    """
    found: list[Any] = []

    def current() -> Credentials:
        if not found:
            from botocore.session import get_session

            found.append(get_session().get_credentials())
        if found[0] is None:
            found.clear()
            raise Unavailable("no AWS credentials")
        frozen = found[0].get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return current
