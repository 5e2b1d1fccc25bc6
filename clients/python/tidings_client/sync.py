"""The client for programs without asyncio: a thread runs it, and calls wait for it.

with Client("wss://chat.example.com/ws", token) as client:
    client.join("lobby")
    client.send("lobby", "Hello")
    for name, data in client.events():
        print(name, data)
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from .client import TidingsClient
from .inbox import Event
from .outbox import QueueLimits
from .times import Times

T = TypeVar("T")


class Client:
    """One user's connection; any thread may call it.

    Every call takes `timeout_s`: after this many seconds it raises TimeoutError, and what was asked
    may have been done. Without it, a call waits as long as the one of `TidingsClient`.

    Args:
        url: wss://host/ws
        token: Returns a token (a JWT) for each connection; called in a thread of its own.
        follow_all, times, queue, api: See `TidingsClient`.
        most_events: How many events wait for `events` at most. Of those that come when there are
            as many, only the number is kept.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        *,
        follow_all: bool = False,
        times: Times | None = None,
        queue: QueueLimits | None = None,
        api: str | None = "",
        most_events: int = 10_000,
    ) -> None:
        self._events = _Events(most_events)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tidings", daemon=True)
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread.start()

        async def made() -> TidingsClient:
            return TidingsClient(
                url,
                lambda: asyncio.to_thread(token),
                self._events.put,
                times,
                api=api,
                follow_all=follow_all,
                queue=queue,
            )

        self._client = self._wait(made())

    def __enter__(self) -> Self:
        """Connect; see `connect`."""
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def state(self) -> str:
        """See `TidingsClient.state`."""
        return self._client.state

    @property
    def reason(self) -> dict[str, str] | None:
        """Why there is no connection, {code, message}; None while there is one."""
        return self._client.reason

    @property
    def url(self) -> str:
        """Where the client connects: a URL of the region that it is in."""
        return self._client.url

    def connect(self, timeout_s: float | None = None) -> None:
        """Connect, and stay connected until `close`; see `TidingsClient.connect`."""
        self._wait(self._client.connect(), timeout_s)

    def close(self) -> None:
        """Close the client: calls of other threads fail, `events` ends, and so does the thread."""
        with self._lock:
            if self._is_closed:
                return
            self._wait(self._client.close())
            self._is_closed = True
        self._events.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def send(
        self,
        conversation_id: str,
        content: Any,
        *,
        message_type: str = "text",
        reply_to: str | None = None,
        client_message_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Event:
        """Send a message and return its ack's data; see `TidingsClient.send`."""
        sent = self._client.send(
            conversation_id,
            content,
            message_type=message_type,
            reply_to=reply_to,
            client_message_id=client_message_id,
        )
        return self._wait(sent, timeout_s)

    def call(self, action: str, data: Event, timeout_s: float | None = None) -> Event:
        """Run an action and return the ack's data; see `TidingsClient.call`."""
        return self._wait(self._client.call(action, data), timeout_s)

    def signal(self, action: str, data: Event, timeout_s: float | None = None) -> Event:
        """Run an action without retries; see `TidingsClient.signal`."""
        return self._wait(self._client.signal(action, data), timeout_s)

    def join(self, room_id: str, timeout_s: float | None = None) -> Event:
        """Join a room on this device; it is joined again on every later connection."""
        return self._wait(self._client.join(room_id), timeout_s)

    def leave(self, room_id: str, timeout_s: float | None = None) -> Event:
        """Leave a room on this device; its user stays a member."""
        return self._wait(self._client.leave(room_id), timeout_s)

    def sync(self, conversations: Iterable[str], timeout_s: float | None = None) -> list[Event]:
        """Fetch what these conversations have after the client's positions."""
        return self._wait(self._client.sync(list(conversations)), timeout_s)

    def follow(self, conversation_id: str, position: str) -> None:
        """Recover this conversation from this position after a reconnect."""
        self._do(lambda: self._client.follow(conversation_id, position))

    def follows(self, conversation_id: str) -> bool:
        """Whether recovery covers this conversation."""
        return self._do(lambda: self._client.follows(conversation_id))

    def forget(self, conversation_id: str) -> None:
        """Stop following this conversation, and do not join it again."""
        self._do(lambda: self._client.forget(conversation_id))

    def positions(self) -> dict[str, str]:
        """By conversation, the position up to which it is complete; pass it to `follow`."""
        return self._do(self._client.positions)

    def move_to(self, url: str) -> None:
        """Connect to another of the URLs that `regions` told; see `TidingsClient.move_to`."""
        self._do(lambda: self._client.move_to(url))

    def drop(self) -> None:
        """Abort the connection without a close handshake; the client reconnects."""
        self._do(self._client.drop)

    def events(self, timeout_s: float | None = None) -> Iterator[tuple[str, Event]]:
        """The events as they come, as (name, data): those of `TidingsClient`, and one more.

        `overflow` {dropped}: so many events were dropped, as too many were waiting. Read the
        conversations' history, or keep no position from before.

        Args:
            timeout_s: End after this many seconds without an event. By default only `close` ends
                it.
        """
        return self._events.read(timeout_s)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _do(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return self._wait(run())

    def _wait(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run it in the client's thread.

        Raises:
            TimeoutError: It took too long, and is cancelled.
            RuntimeError: The client is closed, or this is its own thread.
        """
        if self._is_closed or threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("the client is closed" if self._is_closed else "called by itself")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except (TimeoutError, concurrent.futures.TimeoutError, KeyboardInterrupt):
            future.cancel()
            raise


class _Events:
    """Events for another thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[tuple[str, Event]] = deque()
        self._dropped = 0
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, name: str, data: Event) -> None:
        with self._changed:
            if len(self._waiting) >= self._most:
                self._dropped += 1
            else:
                self._tell_dropped()
                self._waiting.append((name, data))
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def read(self, timeout_s: float | None) -> Iterator[tuple[str, Event]]:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_news, timeout_s)
                if not self._waiting:
                    self._tell_dropped()
                if not self._waiting:
                    return
                event = self._waiting.popleft()
            yield event

    def _has_news(self) -> bool:
        return bool(self._waiting or self._dropped or self._is_closed)

    def _tell_dropped(self) -> None:
        if self._dropped:
            self._waiting.append(("overflow", {"dropped": self._dropped}))
            self._dropped = 0
