"""@connections on a socket, whose answer depends on the connection id."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from chalicelib.adapters.apigateway.poster import ApiGatewayPoster
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Post
from chalicelib.model.identifiers import ConnectionId, Region, UserId

Make = Callable[..., ApiGatewayPoster]

EMPTY = b"HTTP/1.1 %s X\r\nContent-Length: 0\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"2;a=b\r\nhe\r",
    b"\n3\r\nllo\r\n0\r\nX-",
    b"Trailer: 1\r\n\r\n",
)


@dataclass(frozen=True)
class Request:
    socket: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def connection_id(self) -> str:
        return unquote(self.path.rpartition("/")[2])


class FakeGateway:
    """@connections in a thread; the word before "-" in a connection id selects the behaviour.

    A number is the status; `hang` never answers; `held` does when the test sets `answer`; `drop`
    closes without an answer; `stale` does so on a reused socket only; `cut` closes in the middle of
    an answer; `leave` closes after an answer that did not announce it; `meet` answers when
    `together` requests have arrived.

    Attributes:
        unknown: The status for the connection that a health check asks for.
    """

    def __init__(self, together: int = 1) -> None:
        self.requests: list[Request] = []
        self.unknown = "410"
        self.hanging = threading.Event()
        self.answer = threading.Event()
        self.sockets = 0
        self.open = self.most_open = 0
        self._together = together
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> FakeGateway:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> asyncio.Server:
        self._barrier = asyncio.Barrier(self._together)
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sockets += 1
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        number, served = self.sockets, 0
        try:
            while await self._one(number, served, reader, writer):
                served += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        except asyncio.CancelledError:  # the test is over
            return
        finally:
            self.open -= 1
            writer.close()

    async def _one(
        self, number: int, served: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        request = Request(number, method, path, headers, body)
        self.requests.append(request)
        match request.connection_id.partition("-")[0]:
            case "hang":
                self.hanging.set()
                await reader.read()
            case "held":
                await asyncio.to_thread(self.answer.wait, 10)
                writer.write(EMPTY % b"200")
            case "drop":
                return False
            case "stale" if served:
                return False
            case "cut":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                return False
            case "bad":
                writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            case "leave":  # no "Connection: close"
                writer.write(EMPTY % b"200")
                return False
            case "last":
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                return False
            case "endless":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
            case "chunked":
                for part in CHUNKED:
                    writer.write(part)
                    await writer.drain()
            case "AAAAAAAAAAAAAAA=":
                writer.write(EMPTY % self.unknown.encode())
            case "meet":
                await self._barrier.wait()
                writer.write(EMPTY % b"200")
            case status:
                writer.write(EMPTY % (b"200" if status == "stale" else status.encode()))
        return True


def post(name: str, body: bytes = b"{}", connected_at_ms: int = 0) -> Post:
    region = Region("eu-west-1")
    target = Target(ConnectionId(name), UserId("u"), "a1", "prod", region, "json", connected_at_ms)
    return Post(target, body)
