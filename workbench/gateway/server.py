"""The one host: routes requests as CloudFront would, speaks HTTP and WebSocket on one port."""

from __future__ import annotations

import asyncio
import json
import mimetypes
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from . import events, management
from .buckets import TokenBucket
from .config import FunctionError, HttpApi, Invoker, Limits, WebSocketApi
from .connection import Connection
from .http import HttpFront

Reply = tuple[int, dict[str, str], bytes]
LocalRoute = Callable[[bytes, dict[str, str]], Awaitable[Reply]]
_HEAD_BYTES = 64 * 1024


class Gateway:
    """A local API Gateway.

    Args:
        invoker: Runs the functions.
        static_dir: Files served at `/`.
        local_routes: Served beside the APIs, by exact (method, path).

    Attributes:
        connections: Live connections by id.
        requests: The account's request rate.
    """

    def __init__(
        self,
        invoker: Invoker,
        websocket_apis: Sequence[WebSocketApi],
        http_api: HttpApi | None = None,
        *,
        region: str = "us-east-1",
        account_id: str = "000000000000",
        limits: Limits | None = None,
        static_dir: Path | None = None,
        local_routes: Mapping[tuple[str, str], LocalRoute] | None = None,
    ) -> None:
        self.region = region
        self.limits = limits or Limits()
        self.connections: dict[str, Connection] = {}
        self.requests = TokenBucket(self.limits.requests_per_s)
        self._connects = TokenBucket(self.limits.connects_per_s)
        self._invoker = invoker
        self._apis = websocket_apis
        self._http = HttpFront(self, http_api, account_id) if http_api else None
        self._static = static_dir
        self._local = dict(local_routes or {})
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; the bound port."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=_HEAD_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self, within_s: float = 5.0) -> None:
        """Close all sockets, wait (bounded) for what runs, free the port."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections.values()):
            connection.close(1001, "Going away")
        if self.connections:
            await asyncio.sleep(0)
        tasks = list(self._tasks)
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=within_s if self.connections else 0.1)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Run a function within the integration's time."""
        within_s = self.limits.integration_timeout_s
        return await asyncio.wait_for(self._invoker.invoke(function, event, within_s), within_s)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        except asyncio.CancelledError:
            # Only `stop` cancels, and it waits for the task: there is nobody to tell.
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one socket, one after the other, until one becomes a WebSocket."""
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            http = h11.Connection(h11.SERVER)
            http.receive_data(head)
            try:
                request = http.next_event()
                if not isinstance(request, h11.Request):
                    return
                headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers]
                if any(n == "upgrade" and v.lower() == "websocket" for n, v in headers):
                    await self._websocket(head, request.target.decode("latin-1"), reader, writer)
                    return
                body = await self._body(http, reader)
            except h11.RemoteProtocolError:
                writer.write(
                    b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                )
                return
            target = request.target.decode("latin-1")
            method = request.method.decode()
            peer = (writer.get_extra_info("peername") or ("", 0))[0]
            reply = await self._reply(method, target, headers, body, peer)
            writer.write(_encode(http, method, reply))
            await writer.drain()
            if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                return

    async def _body(self, http: h11.Connection, reader: asyncio.StreamReader) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size <= self.limits.http_body_bytes + 1:
                    parts.append(bytes(event.data))
            else:
                return b"".join(parts)

    async def _reply(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes, peer: str
    ) -> Reply:
        url = urlsplit(target)
        plain = {name: value for name, value in headers}
        if (method, url.path) in self._local:
            return await self._local[(method, url.path)](body, plain)
        for api in self._apis:
            mark = f"/{api.stage}/%40connections/"
            path = url.path.replace("/@connections/", "/%40connections/", 1)
            if path.startswith(mark):
                return management.serve(self, method, path[len(mark) :], plain, body)
            if url.path == f"/{api.stage}" or url.path.startswith(f"/{api.stage}/"):
                return _json(403, "Forbidden")
        if self._http is not None and url.path.startswith(("/v1/", "/socket.io/")):
            if not self.requests.take():
                return _json(429, "Too Many Requests")
            return await self._http.serve(method, url.path, url.query, headers, body, peer)
        return self._file(method, url.path)

    def _file(self, method: str, path: str) -> Reply:
        if self._static is not None and method in ("GET", "HEAD"):
            root = self._static.resolve()
            found = (root / (path.lstrip("/") or "index.html")).resolve()
            if found.is_relative_to(root) and found.is_file():
                kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
                return 200, {"content-type": kind}, found.read_bytes()
        return _json(404, "Not Found")

    async def _websocket(
        self,
        head: bytes,
        target: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        limits = self.limits
        protocol = ServerProtocol(max_size=limits.message_bytes + limits.frame_bytes)
        protocol.receive_data(head)
        requests = [event for event in protocol.events_received() if isinstance(event, Request)]
        api = self._api(target)
        if not requests or protocol.handshake_exc is not None:
            _refuse(writer, 400, "Bad Request")
        elif api is None:
            _refuse(writer, 403, "Forbidden")
        elif not self.requests.take() or not self._connects.take():
            _refuse(writer, 429, "Too Many Requests")
        else:
            await self._connect(api, protocol, requests[0], target, reader, writer)

    def _api(self, target: str) -> WebSocketApi | None:
        """By path; `/socket.io/` with transport=websocket goes to the first, as the edge does."""
        url = urlsplit(target)
        for api in self._apis:
            if url.path in (api.path, api.path + "/", f"/{api.stage}", f"/{api.stage}/"):
                return api
        if url.path == "/socket.io/" and ("transport", "websocket") in parse_qsl(url.query):
            return self._apis[0]
        return None

    async def _connect(
        self,
        api: WebSocketApi,
        protocol: ServerProtocol,
        request: Request,
        target: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """The `$connect` gate: the socket opens only when the function said so."""
        headers = [(name, value) for name, value in request.headers.raw_items()]
        lower = {name.lower(): value for name, value in headers}
        connection = Connection(
            self,
            api,
            protocol,
            reader,
            writer,
            connection_id=events.connection_id(),
            source_ip=(writer.get_extra_info("peername") or ("", 0))[0],
            user_agent=lower.get("user-agent", ""),
        )
        query = parse_qsl(urlsplit(target).query, keep_blank_values=True)
        event = {
            "headers": dict(headers),
            "multiValueHeaders": events.multi(headers),
            "queryStringParameters": dict(query) or None,
            "multiValueQueryStringParameters": events.multi(query) or None,
            "requestContext": connection.context("CONNECT", "$connect"),
            "isBase64Encoded": False,
        }
        try:
            answer = await self._maybe(api, "$connect", event)
        except (FunctionError, TimeoutError):
            _refuse(writer, 502, "Internal server error")
            return
        status = answer.get("statusCode", 502) if isinstance(answer, dict) else 502
        if not 200 <= int(status) < 300:
            _refuse(writer, int(status), str(answer.get("body") or "") if status != 502 else "")
            return
        echo = {k.lower(): v for k, v in (answer.get("headers") or {}).items()}
        await self._open(connection, protocol, request, echo.get("sec-websocket-protocol"))

    async def _open(
        self,
        connection: Connection,
        protocol: ServerProtocol,
        request: Request,
        subprotocol: str | None,
    ) -> None:
        response: Response = protocol.accept(request)
        if subprotocol:
            response.headers["Sec-WebSocket-Protocol"] = subprotocol
        protocol.send_response(response)
        self.connections[connection.id] = connection
        try:
            await connection.run()
        finally:
            del self.connections[connection.id]
            await connection.settle(self.limits.integration_timeout_s)
            await self._disconnect(connection)

    async def _disconnect(self, connection: Connection) -> None:
        """Best effort: a failing function is nobody's business any more."""
        try:
            await self._maybe(connection.api, "$disconnect", connection.disconnect_event())
        except (FunctionError, TimeoutError):
            return

    async def _maybe(self, api: WebSocketApi, route: str, event: dict[str, Any]) -> Any:
        if route not in api.routes:
            return {"statusCode": 200}
        return await self.invoke(api.routes[route], event)


def _json(status: int, message: str) -> Reply:
    return status, {"content-type": "application/json"}, json.dumps({"message": message}).encode()


def _refuse(writer: asyncio.StreamWriter, status: int, message: str) -> None:
    body = message.encode()
    head = f"HTTP/1.1 {status} Refused\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def _encode(http: h11.Connection, method: str, reply: Reply) -> bytes:
    status, headers, body = reply
    fields = [(name.lower(), value) for name, value in headers.items()]
    fields = [(n, v) for n, v in fields if n not in ("content-length", "transfer-encoding")]
    if status != 204:
        fields.append(("content-length", str(len(body))))
    data = http.send(h11.Response(status_code=status, headers=fields)) or b""
    if body and method != "HEAD" and status != 204:
        data += http.send(h11.Data(data=body)) or b""
    return data + (http.send(h11.EndOfMessage()) or b"")
