"""Scripted functions, a running gateway, and clients that misbehave on request."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy
from websockets.asyncio.client import ClientConnection, connect

from workbench.gateway import FunctionError, Gateway, HttpApi, WebSocketApi

Handler = Callable[[dict[str, Any]], Any]
WITHIN_S = 20.0
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/execute-api/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
    "X-Amz-Date": "20260101T000000Z",
}
ROUTES = [("GET", "/v1/things/{id}"), ("POST", "/v1/things"), ("OPTIONS", "/v1/things")]


class Functions:
    """Scripted functions; records every event and wakes tasks that wait for one."""

    def __init__(self, **handlers: Handler) -> None:
        self.handlers = handlers
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._changed = asyncio.Condition()

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        async with self._changed:
            self.events.append((function, event))
            self._changed.notify_all()
        answer = self.handlers.get(function, lambda _: {"statusCode": 200})(event)
        return await answer if asyncio.iscoroutine(answer) else answer

    def of(self, function: str) -> list[dict[str, Any]]:
        return [event for name, event in self.events if name == function]

    async def called(self, function: str, times: int = 1) -> dict[str, Any]:
        """Wait for the `times`-th invocation and return its event."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.of(function)) >= times)
        return self.of(function)[times - 1]

    async def disconnected(self) -> tuple[int, str]:
        context = (await self.called("websocket_disconnect"))["requestContext"]
        return context["disconnectStatusCode"], context["disconnectReason"]


class Gate:
    """A handler that waits until it is opened."""

    def __init__(self, answer: Any = None) -> None:
        self.open = asyncio.Event()
        self._answer = answer or {"statusCode": 200}

    async def __call__(self, event: dict[str, Any]) -> Any:
        await self.open.wait()
        return self._answer


def echo(event: dict[str, Any]) -> Any:
    return {"statusCode": 200, "body": event["body"]}


def boom(event: dict[str, Any]) -> Any:
    raise FunctionError("ValueError", "boom")


@asynccontextmanager
async def running(
    functions: Any, api: WebSocketApi | None = None, **options: Any
) -> AsyncIterator[tuple[Gateway, str]]:
    """Run a gateway on a free port; yield it and host:port. All waits are bounded by WITHIN_S."""
    gateway = Gateway(functions, [api or WebSocketApi()], HttpApi(routes=ROUTES), **options)
    port = await gateway.start()
    try:
        async with asyncio.timeout(WITHIN_S):
            yield gateway, f"127.0.0.1:{port}"
    finally:
        await asyncio.wait_for(gateway.stop(0.2), WITHIN_S)


async def open_socket(host: str, **options: Any) -> ClientConnection:
    return await connect(f"ws://{host}/ws", **options)


async def manage(
    method: str, host: str, name: str, body: bytes = b"", headers: dict[str, str] = SIGNED
) -> tuple[int, str, Any]:
    """Call @connections; return status, error type and JSON body."""
    url = f"http://{host}/prod/@connections/{name}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, data=body or None, headers=headers) as answer,
    ):
        text = await answer.text()
        kind = answer.headers.get("x-amzn-ErrorType", "")
        return answer.status, kind, json.loads(text) if text else None


async def post(host: str, name: str, body: bytes, headers: dict[str, str] = SIGNED) -> int:
    return (await manage("POST", host, name, body, headers))[0]


async def fetch(host: str, path: str, method: str = "GET", **options: Any) -> Fetched:
    """Send one HTTP request on a socket of its own."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://{host}{path}", **options) as answer,
    ):
        return Fetched(answer.status, answer.headers, await answer.read())


@dataclass(frozen=True)
class Fetched:
    """An HTTP answer."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def error(self) -> tuple[int, str]:
        """Status and message of an answer that API Gateway itself made."""
        return self.status, json.loads(self.body)["message"]


HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
}


class RawSocket:
    """A raw client: it sends what a test says and answers nothing by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, host: str) -> RawSocket:
        """Open a TCP connection."""
        name, port = host.split(":")
        return cls(*await asyncio.open_connection(name, int(port)))

    @classmethod
    async def upgraded(cls, host: str) -> RawSocket:
        """A WebSocket."""
        socket = await cls.open(host)
        status, _ = await socket.request("GET", "/ws", HANDSHAKE)
        assert status == 101
        return socket

    async def request(
        self, method: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[int, str]:
        """Send a request; return the answer's status and head."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"{method} {target} HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        return int(head.split()[1]), head

    def frame(self, opcode: int, data: bytes, *, fin: bool = True, masked: bool = True) -> None:
        """Send one frame, valid or invalid."""
        mask = os.urandom(4) if masked else b""
        size, bit = len(data), 0x80 if masked else 0
        head = bytes([(0x80 if fin else 0) | opcode])
        if size < 126:
            head += bytes([bit | size])
        elif size < 65536:
            head += bytes([bit | 126]) + struct.pack("!H", size)
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", size)
        body = bytes(b ^ mask[i % 4] for i, b in enumerate(data)) if masked else data
        self.writer.write(head + mask + body)

    async def receive(self) -> tuple[int, bool, bytes]:
        """Return opcode, fin and data of the next frame."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, bool(first & 0x80), await self.reader.readexactly(size)

    async def close_code(self) -> int:
        """Return the code of the close frame, which must be the next frame."""
        opcode, _, data = await self.receive()
        assert opcode == 8, opcode
        return int.from_bytes(data[:2], "big")

    async def ended(self) -> None:
        """Wait until the other side has closed."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass

    def drop(self) -> None:
        self.writer.transport.abort()
