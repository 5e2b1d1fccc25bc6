"""The HTTP client's sockets to one host.

There is no task, future or timer per request: sockets take the next request from their host's
queue in callbacks. Requests are not retried, with one exception:

If a *reused* socket closes after a request was written and before any byte of the answer, the
request is sent once more, on a new socket: the server had almost certainly closed the idle socket
before it saw the request. If the server processed it after all, the receiver of a post gets the
frame twice, and clients drop the second by message id. A failure of a new socket is never retried
here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from ...ports.system import Clock
from .origin import IDLE_MS, Origin
from .response import RESPONSE_BYTES
from .sockets import KeepAliveSocket, Owner, Request

_OTHER_ADDRESS_S = 0.25  # as RFC 8305 recommends


class Pool(Owner):
    """The sockets to one host and the requests that wait for them. Used in the loop's thread.

    A waiting request has no deadline: its time starts when a socket takes it.

    Attributes:
        host: The value of the Host header.
    """

    def __init__(self, base: str, concurrency: int, timeout_s: float, clock: Clock) -> None:
        self._origin = Origin(base)
        self.host = self._origin.host
        self.scratch = memoryview(bytearray(RESPONSE_BYTES))
        self._concurrency, self._timeout_s, self._clock = concurrency, timeout_s, clock
        self._queue: deque[Request] = deque()
        self._again: deque[Request] = deque()  # to send once more, on new sockets only
        self._idle: deque[KeepAliveSocket] = deque()
        self._busy: dict[KeepAliveSocket, None] = {}  # in the order of their deadlines
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()  # sockets being opened
        self._alarm: asyncio.TimerHandle | None = None

    def submit(self, requests: Iterable[Request]) -> None:
        self._queue.extend(requests)
        oldest_ms = self._clock.now_ms() - IDLE_MS
        while self._idle and self._wanted():
            socket = self._idle.pop()
            if socket.since_ms < oldest_ms:
                socket.transport.abort()
            elif not socket.transport.is_closing():
                self._send(socket, self._queue.popleft())
        self._grow()

    def _send(self, socket: KeepAliveSocket, request: Request) -> None:
        socket.request = request
        loop = asyncio.get_running_loop()
        socket.deadline = loop.time() + self._timeout_s
        self._busy[socket] = None
        if self._alarm is None:
            self._alarm = loop.call_at(socket.deadline, self._expire)
        socket.transport.write(request.encode())

    def finish(self, socket: KeepAliveSocket, result: int | str, *, reusable: bool) -> None:
        """The request of `socket` has ended."""
        request = socket.request
        assert request is not None
        socket.request = None
        socket.used = True
        del self._busy[socket]
        if not reusable or socket.transport.is_closing():
            socket.transport.abort()
        elif self._wanted():
            self._send(socket, self._queue.popleft())
        else:
            socket.since_ms = self._clock.now_ms()
            self._idle.append(socket)
        request.settle(result)

    def _wanted(self) -> bool:
        """Whether a request waits, after dropping those that were given up."""
        while self._queue and not self._queue[0].is_wanted():
            self._queue.popleft()
        return bool(self._queue)

    def lost(self, socket: KeepAliveSocket) -> None:
        """`socket` was closed, by either side."""
        self._open -= 1
        if socket in self._idle:
            self._idle.remove(socket)
        request = socket.request
        if request is not None:
            socket.request = None
            del self._busy[socket]
            if socket.used and not socket.buffer and request.is_wanted():
                self._again.append(request)
            else:
                request.settle("closed")
        self._grow()

    def _grow(self) -> None:
        """Open a socket for each waiting request, up to the limit."""
        wanted = len(self._queue) + len(self._again) - len(self._tasks)
        room = self._concurrency - self._open - len(self._tasks)
        for _ in range(min(wanted, room)):
            task = asyncio.get_running_loop().create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._connected)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout_s):
            _, socket = await loop.create_connection(
                lambda: KeepAliveSocket(self),
                self._origin.name,
                self._origin.port,
                ssl=self._origin.context(),
                # The name may have IPv4 and IPv6 addresses of which only one kind is reachable.
                happy_eyeballs_delay=_OTHER_ADDRESS_S,
            )
        self._open += 1
        if self._again or self._wanted():
            self._send(socket, (self._again or self._queue).popleft())
        else:
            socket.since_ms = self._clock.now_ms()
            self._idle.append(socket)

    def _connected(self, task: asyncio.Task[None]) -> None:
        """After a failure, fail one request; if no socket is open or opening, all that wait."""
        self._tasks.discard(task)
        if task.cancelled():
            return
        fault = task.exception()
        if fault is None:
            self._grow()  # for requests that came while this task was counted as opening
            return
        failed = [self._again.popleft()] if self._again else []
        if not self._open and not self._tasks:
            failed += [*self._again, *self._queue]
            self._again.clear()
            self._queue.clear()
        cause = "timeout" if isinstance(fault, TimeoutError) else "refused"
        for request in failed:
            request.settle(cause)

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
        """Close all sockets and fail all requests that are pending or wait."""
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
        for request in waiting:
            request.settle("stopped")
