"""One keep-alive socket of the HTTP client, and what it carries."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from .response import parse_answer


class Request(Protocol):
    """What a socket sends. Both methods are called in the loop's thread."""

    __slots__ = ()

    def encode(self) -> bytes:
        """Head and body, made when a socket takes the request."""

    def settle(self, result: int | str) -> None:
        """The request has ended: with this HTTP status, or for this reason without one."""


class Owner(Protocol):
    """What a socket tells of itself, and to whom.

    Attributes:
        scratch: Where every socket reads into; copied out before the next one reads.
    """

    scratch: memoryview

    def finish(self, socket: KeepAliveSocket, result: int | str, *, reusable: bool) -> None:
        """The request of `socket` has ended."""

    def lost(self, socket: KeepAliveSocket) -> None:
        """`socket` is closed, by whomever."""


class KeepAliveSocket(asyncio.BufferedProtocol):
    """One connection with at most one request under way.

    Attributes:
        used: It has answered before: it may have been closed for idleness since.
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
        if self.request is None:  # nobody asked: out of step
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
