"""Keep-alive sockets for calls whose caller waits.

Blocking sockets, not those of `client`: without a change of threads a call costs a fifth of the CPU
(docs/decisions/0040). The caller's thread opens, writes and reads; nothing runs in between.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from typing import Any, NamedTuple

from ...ports.system import Clock
from ..system import monotonic_s
from .origin import IDLE_MS, Origin
from .response import HttpAnswer, read_answer

# DynamoDB answers up to 16 MB of items, of which JSON may need more.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
MOST_BYTES = 48 * 1024 * 1024
_KEPT, _READ_BYTES = 64, 65_536
UNTRUSTED = "untrusted"
_LONGEST = 3  # an answer that keeps coming may take this many times `read_s`


class Unanswered(Exception):
    """A request without an answer.

    Attributes:
        reason: "refused" (no connection), `UNTRUSTED` (no TLS, such as for a certificate that
            nobody trusts), "timeout", "closed" or "malformed".
        stale: The socket had answered before and closed before any byte of this answer: most
            likely the server had closed it as idle, before it saw the request.
    """

    def __init__(self, reason: str, stale: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.stale = stale


class _Idle(NamedTuple):
    socket: socket.socket
    since_ms: int


class Sockets:
    """Keep-alive sockets to one origin. Thread-safe; each carries one request at a time.

    As many are open as calls run at once, and up to 64 are kept.

    Args:
        connect_s: Maximum seconds to connect to an address, and for each step of TLS.
        read_s: Maximum seconds of silence. An answer may take three times as long in total.
    """

    def __init__(self, origin: Origin, clock: Clock, connect_s: float, read_s: float) -> None:
        self._origin, self._clock = origin, clock
        self._connect_s, self._read_s = connect_s, read_s
        self._idle: deque[_Idle] = deque()  # append and pop are atomic

    def exchange(self, request: bytes, *, fresh: bool = False) -> HttpAnswer:
        """Send a request and return its answer. Sends it once, whatever happens.

        Args:
            fresh: Use a new socket.

        Raises:
            Unanswered: There is no answer; the server may have done what was asked.
        """
        link = None if fresh else self._reused()
        used = link is not None
        if link is None:
            link = self._connect()
        exchange = _Incoming(link, self._read_s)
        try:
            link.settimeout(self._read_s)
            link.sendall(request)
            answer = read_answer(exchange.receive, MOST_BYTES)
        except BaseException as fault:
            link.close()
            if isinstance(fault, TimeoutError):
                raise Unanswered("timeout") from fault
            if isinstance(fault, OSError):  # closed by the server, with or without a reset
                raise Unanswered("closed", stale=used and not exchange.begun) from fault
            if isinstance(fault, ValueError):
                raise Unanswered("malformed") from fault
            raise
        if answer.reusable:
            self._keep(link)
        else:
            link.close()
        return answer

    def close(self) -> None:
        """Close the sockets that are idle."""
        while self._idle:
            self._idle.pop().socket.close()

    def _reused(self) -> socket.socket | None:
        """The socket that was idle for the shortest time; None if none can be used."""
        oldest_ms = self._clock.now_ms() - IDLE_MS
        while True:
            try:
                link, since_ms = self._idle.pop()
            except IndexError:
                return None
            if since_ms >= oldest_ms and not _readable(link):
                return link
            link.close()

    def _keep(self, link: socket.socket) -> None:
        if len(self._idle) >= _KEPT:
            link.close()
        else:
            self._idle.append(_Idle(link, self._clock.now_ms()))

    def _connect(self) -> socket.socket:
        address = self._origin.name, self._origin.port
        link: Any = None
        try:
            context = self._origin.context()
            link = socket.create_connection(address, self._connect_s)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if context is not None:
                link = context.wrap_socket(link, server_hostname=self._origin.name)
        except (OSError, UnicodeError) as fault:  # the latter for a name that is none
            if link is not None:
                link.close()
            raise Unanswered(_why_not(fault)) from fault
        opened: socket.socket = link
        return opened


class _Incoming:
    """Reads an answer under its time limits."""

    __slots__ = ("_deadline", "_link", "_read_s", "begun")

    def __init__(self, link: socket.socket, read_s: float) -> None:
        self._link, self._read_s = link, read_s
        self._deadline = monotonic_s() + _LONGEST * read_s
        self.begun = False

    def receive(self) -> bytes:
        left = self._deadline - monotonic_s()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        if left < self._read_s:
            self._link.settimeout(left)
        data = self._link.recv(_READ_BYTES)
        if not data:
            raise ConnectionError("closed before the end of the answer")
        self.begun = True
        return data


def _readable(link: socket.socket) -> bool:
    """Whether the server has closed an idle socket, or sent what nobody asked for."""
    poll = select.poll()
    poll.register(link, select.POLLIN)
    return bool(poll.poll(0))


def _why_not(fault: Exception) -> str:
    """Why there is no connection."""
    if isinstance(fault, TimeoutError):
        return "timeout"
    return UNTRUSTED if type(fault).__module__ == "ssl" else "refused"
