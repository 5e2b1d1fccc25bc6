"""A keep-alive socket of the HTTP client, its owner and its requests."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from .response import parse_answer


class Request(Protocol):
    """A request that a socket sends. All methods are called in the loop's thread."""

    __slots__ = ()

    def is_wanted(self) -> bool:
        """Whether it is still to be sent; asked when a socket is free for it."""

    def encode(self) -> bytes:
        """The head and body; called when a socket takes the request."""

    def settle(self, result: int | str) -> None:
        """The request has ended with this HTTP status, or without one for this reason."""


class Owner(Protocol):
    """The owner of sockets, which they notify.

    Attributes:
        scratch: The read buffer of all sockets; each copies its data before the next one reads.
    """

    scratch: memoryview

    def finish(self, socket: KeepAliveSocket, result: int | str, *, reusable: bool) -> None:
        """The request of `socket` has ended."""

    def lost(self, socket: KeepAliveSocket) -> None:
        """`socket` was closed, by either side."""


class KeepAliveSocket(asyncio.BufferedProtocol):
    """A connection with at most one pending request.

    Attributes:
        used: It has answered before, so the server may have closed it since as idle.
        since_ms: When it became idle.
        deadline: Loop time at which its request fails.
    """

    __slots__ = ("buffer", "deadline", "owner", "request", "since_ms", "transport", "used")

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.transport: Any = None
        self.request: Request | None = None
        self.used = False
        self.buffer = b""
        self.since_ms = 0
        self.deadline = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.owner.scratch

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self.owner.scratch[:nbytes])
        if self.request is None:  # data without a request: the connection is out of sync
            self.transport.abort()
            return
        if self.buffer:
            data = self.buffer + data
        try:
            answer = parse_answer(data)
        except ValueError:
            self.owner.finish(self, "malformed", reusable=False)
            return
        if answer is None:
            self.buffer = data
        else:
            self.buffer = b""
            self.owner.finish(self, answer[0], reusable=answer[1])

    def connection_lost(self, exc: Exception | None) -> None:
        self.owner.lost(self)
