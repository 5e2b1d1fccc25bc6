"""The cutting proxy between a client and a test server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from workbench.drills.proxy import CuttingProxy, Line

WITHIN_S = 10.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Place:
    """A server that keeps its connections, a proxy before it, and the cuts that it reported."""

    def __init__(self) -> None:
        self.accepted: asyncio.Queue[Streams] = asyncio.Queue()
        self.cuts: list[tuple[str, str]] = []
        self._kept: list[Streams] = []  # without a reference, a writer closes its socket
        self.proxy: CuttingProxy

    async def dial(self, request: bytes) -> tuple[Streams, Streams, Line]:
        """Connect and send a request; return the client's and server's streams, and the line."""
        known = set(self.proxy.whole)
        host, _, port = self.proxy.url.removeprefix("http://").partition(":")
        client = await asyncio.open_connection(host, int(port))
        client[1].write(request)
        server = await self.accepted.get()
        self._kept += [client, server]
        assert await server[0].readexactly(len(request)) == request
        [line] = set(self.proxy.whole) - known
        return client, server, line


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    it = Place()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await it.accepted.put((reader, writer))

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with asyncio.timeout(WITHIN_S):
            cuts = it.cuts
            async with CuttingProxy(url, random.Random(1), lambda *cut: cuts.append(cut)) as proxy:
                it.proxy = proxy
                yield it
    finally:
        server.close()


async def ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


def request(line: str) -> bytes:
    return f"{line} HTTP/1.1\r\nHost: here\r\n\r\n".encode()


async def test_it_passes_bytes_on_and_an_end_of_either_side() -> None:
    async with place() as it:
        (reader, writer), (theirs, answer), _ = await it.dial(request("GET /ws"))
        answer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.write_eof()
        assert await theirs.read() == b""
        answer.write(b"bye")
        answer.close()
        assert await reader.read() == b"bye"
        while it.proxy.whole:
            await asyncio.sleep(0.01)
        assert it.cuts == []


async def test_a_reset_ends_both_sides() -> None:
    async with place() as it:
        (reader, _), (theirs, _), line = await it.dial(request("GET /ws"))
        it.proxy.reset(line)
        assert await ended(reader)
        assert await ended(theirs)
        assert it.cuts == [("reset", "json")]


async def test_after_a_half_open_cut_the_server_keeps_sending_for_a_while() -> None:
    async with place() as it:
        (reader, _), (theirs, answer), line = await it.dial(request("GET /ws"))
        it.proxy.half_open(line)
        assert await ended(reader)
        answer.write(b"is anybody there?")
        await answer.drain()
        assert not theirs.at_eof()
        assert it.proxy.whole == []
        assert await ended(theirs)


SOCKET = "/socket.io/?EIO=4"
NAMES = {
    "GET /ws?token=t": "json",
    "GET /v1/rooms": "http",
    f"GET {SOCKET}&transport=polling": "handshake",
    f"GET {SOCKET}&transport=polling&sid=s": "poll",
    f"POST {SOCKET}&transport=polling&sid=s": "post",
    f"GET {SOCKET}&transport=websocket": "websocket",
    f"GET {SOCKET}&transport=websocket&sid=s": "upgrade",
}


@pytest.mark.parametrize("line", NAMES)
async def test_a_line_is_named_after_its_request(line: str) -> None:
    async with place() as it:
        _, _, dialled = await it.dial(request(line))
        assert dialled.what == NAMES[line]


async def test_a_young_cut_ends_a_request_soon_after_it_began() -> None:
    async with place() as it:
        it.proxy.young_share = 1.0
        (reader, _), _, _ = await it.dial(request(f"POST {SOCKET}&transport=polling&sid=s"))
        assert await ended(reader)
        [(way, what)] = it.cuts
        assert (way in ("reset", "half-open"), what) == (True, "post")


async def test_without_a_server_the_client_is_cut_off() -> None:
    async with CuttingProxy("http://127.0.0.1:9", random.Random(1), lambda *cut: None) as proxy:
        host, _, port = proxy.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        assert await ended(reader)
        writer.close()
