"""A TCP proxy on loopback that breaks connections on demand, as a network does.

It stands between a drill's clients and the stack, so that all clients, protocols and transports
get the same faults, and neither side knows of it.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_CHUNK = 65_536
_REQUEST = re.compile(rb"^(GET|POST) (\S+) HTTP/1\.1\r\n")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero: a close is an RST, nothing is flushed
_LONGEST_HALF_OPEN_S = 4.0


@dataclass(eq=False)
class Line:
    """One connection through the proxy.

    Attributes:
        what: What it carries: `json`, `websocket`, `upgrade`, `handshake`, `poll`, `post` or
            `http`.
    """

    client: asyncio.StreamWriter
    stack: asyncio.StreamWriter
    what: str = "http"
    cut: bool = False

    def end(self, *sides: asyncio.StreamWriter) -> None:
        for side in sides:
            if not side.transport.is_closing():
                side.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _RESET
                )
                side.transport.abort()


class CuttingProxy:
    """An async context; it cuts connections only on request, or while `young_share` is above 0.

    Args:
        target: The stack's URL, plain HTTP.
        on_cut: Called with (way, what) for each cut.

    Attributes:
        young_share: The share of new requests that are cut within their first moments, because
            handshakes, posts and upgrades are too short for random cuts to hit them.
    """

    def __init__(self, target: str, rng: random.Random, on_cut: Callable[[str, str], None]) -> None:
        url = urlsplit(target)
        self._host, self._port = url.hostname or "127.0.0.1", url.port or 80
        self._rng = rng
        self._on_cut = on_cut
        self._lines: set[Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.young_share = 0.0
        self.url = ""

    async def __aenter__(self) -> CuttingProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def whole(self) -> list[Line]:
        """The connections that are not cut yet."""
        return [line for line in self._lines if not line.cut]

    def reset(self, line: Line) -> None:
        """Reset both sides at once."""
        self._cut(line, "reset")
        line.end(line.client, line.stack)

    def half_open(self, line: Line) -> None:
        """Close the client's side at once; the stack's side stays open for a while, unread."""
        self._cut(line, "half-open")
        line.end(line.client)
        self._spawn(self._end_later(line, self._rng.uniform(0.2, _LONGEST_HALF_OPEN_S)))

    def _cut(self, line: Line, way: str) -> None:
        line.cut = True
        self._on_cut(way, line.what)

    async def _end_later(self, line: Line, after_s: float) -> None:
        await asyncio.sleep(after_s)
        line.end(line.stack)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            ours, theirs = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        line = Line(writer, theirs)
        self._lines.add(line)
        try:
            await asyncio.gather(self._up(line, reader), self._down(line, ours))
        except asyncio.CancelledError:
            pass  # only `__aexit__` cancels, and it waits for this task
        finally:
            self._lines.discard(line)
            line.end(*(side for side in (writer, theirs) if not side.is_closing()))

    async def _up(self, line: Line, reader: asyncio.StreamReader) -> None:
        """Copy from the client to the stack."""
        try:
            while data := await reader.read(_CHUNK):
                self._look(line, data)
                line.stack.write(data)
                await line.stack.drain()
            if not line.cut and line.stack.can_write_eof():
                line.stack.write_eof()
        except OSError:
            if not line.cut:
                line.end(line.stack)

    async def _down(self, line: Line, reader: asyncio.StreamReader) -> None:
        """Copy from the stack to the client; discard the data of a half-open line."""
        try:
            while data := await reader.read(_CHUNK):
                if not line.cut:
                    line.client.write(data)
                    await line.client.drain()
        except OSError:
            pass  # one of the sides has closed the connection
        line.client.close()

    def _look(self, line: Line, data: bytes) -> None:
        """Classify the connection by a request that begins, and perhaps cut it soon."""
        request = _REQUEST.match(data)
        if request is None:
            return
        line.what = _name(request[1], request[2])
        if self._rng.random() < self.young_share:
            self._spawn(self._cut_young(line))

    async def _cut_young(self, line: Line) -> None:
        await asyncio.sleep(self._rng.uniform(0.0, 0.25))
        if line in self._lines and not line.cut and not line.client.is_closing():
            self.half_open(line) if self._rng.random() < 0.5 else self.reset(line)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _name(method: bytes, target: bytes) -> str:
    if not target.startswith(b"/socket.io/"):
        return "json" if target.startswith(b"/ws") else "http"
    known = b"sid=" in target
    if b"transport=websocket" in target:
        return "upgrade" if known else "websocket"
    if method == b"POST":
        return "post"
    return "poll" if known else "handshake"
