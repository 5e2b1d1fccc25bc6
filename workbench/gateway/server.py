"""The one host: routes requests as CloudFront does, with HTTP and WebSocket on one port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11

from . import handshake, management, plain, routes
from .account import Account
from .config import FunctionError, HttpApi, Invoker, Limits, WebSocketApi
from .connection import Connection
from .faults import Fault, Faults, Kind, Service
from .http import HttpFront
from .signatures import Request
from .static import StaticFiles
from .wire import Reply, encode, message, refusal

LocalRoute = Callable[[bytes, dict[str, str]], Awaitable[Reply]]
_HEAD_BYTES = 64 * 1024


class Gateway:
    """A local API Gateway.

    Args:
        invoker: Runs the functions.
        static: Files for paths that no API has.
        local_routes: Additional handlers, by exact (method, path).
        credentials: Secret by access key id; @connections verifies signatures with them. None: a
            signature must be there and well-formed, but any key may have made it.
        faults: What the gateway and @connections suffer, on request. Paths under /dev/ never do.

    Attributes:
        connections: Live connections by id.
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
        static: StaticFiles | None = None,
        local_routes: Mapping[tuple[str, str], LocalRoute] | None = None,
        credentials: Mapping[str, str] | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.connections: dict[str, Connection] = {}
        self._faults = faults
        if faults is not None:
            faults.watch(self._cut)
        self._account = Account(
            invoker, region=region, account_id=account_id, limits=limits, credentials=credentials
        )
        self._apis: Sequence[WebSocketApi] = ()
        self._http: HttpFront | None = None
        self.serve(websocket_apis, http_api)
        self._static = static
        self._local = dict(local_routes or {})
        self._server: asyncio.Server | None = None
        self._waiting: set[asyncio.Task[Any]] = set()  # tasks of sockets that wait for a request
        self._answering: set[asyncio.StreamWriter] = set()  # sockets of clients' HTTP requests
        self._stopping = False

    def serve(self, websocket_apis: Sequence[WebSocketApi], http_api: HttpApi | None) -> None:
        """Serve these APIs from now on; close the connections of APIs that are removed.

        Raises:
            ValueError: AWS would reject a route selection expression; nothing has changed.
        """
        for api in websocket_apis:
            routes.check(api.route_selection_expression)
        self._apis = websocket_apis
        self._http = HttpFront(self._account, http_api) if http_api else None
        current = {(api.api_id, api.stage): api for api in websocket_apis}
        for connection in list(self.connections.values()):
            api_now = current.get((connection.api.api_id, connection.api.stage))
            if api_now is None:
                connection.close(1001, "Going away")
            else:
                connection.api = api_now

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; return the bound port."""
        self._stopping = False
        self._server = await asyncio.start_server(self._accept, host, port, limit=_HEAD_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self, within_s: float = 5.0) -> None:
        """Accept nothing new, let running work finish within this time, then cancel it.

        Clients have half of the time to answer the close, so that `$disconnect` has the rest.
        """
        self._stopping = True
        until = time.monotonic() + within_s
        if self._server is not None:
            self._server.close()
        for task in list(self._waiting):
            task.cancel()
        for connection in list(self.connections.values()):
            connection.close(1001, "Going away", within_s / 2)
        # In rounds, as tasks that end may start others (a connection its `$disconnect`).
        while self._account.tasks and (left_s := until - time.monotonic()) > 0:
            await asyncio.wait(
                self._account.tasks, timeout=left_s, return_when=asyncio.FIRST_COMPLETED
            )
        while self._account.tasks:
            tasks = list(self._account.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    async def _hold(self, connection: Connection) -> None:
        """Serve an open connection to its end; `$disconnect` does not wait for running messages."""
        self.connections[connection.id] = connection
        if self._stopping:
            connection.close(1001, "Going away")
        try:
            await connection.run()
        finally:
            del self.connections[connection.id]
            self._account.spawn(self._disconnect(connection))

    async def _disconnect(self, connection: Connection) -> None:
        """Run `$disconnect`, best effort: a failure is ignored, as on AWS."""
        try:
            event = connection.disconnect_event()
            await self._account.run_route(connection.api, "$disconnect", event)
        except (FunctionError, TimeoutError):
            return

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._account.tasks.add(task)
        try:
            await self._serve(reader, writer)
            writer.close()
        except (OSError, TimeoutError):
            writer.transport.abort()
        except asyncio.CancelledError:
            # Only `stop` cancels, and it waits for this task.
            writer.transport.abort()
        except BaseException:
            writer.transport.abort()
            raise
        finally:
            self._account.tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the requests of one socket in order, until one becomes a WebSocket."""
        peer = (writer.get_extra_info("peername") or ("", 0))[0]
        while not self._stopping:
            limits = self._account.limits
            try:
                async with asyncio.timeout(limits.request_s):
                    head = await self._head(reader)
                    call = plain.read(head) if len(head) <= limits.head_bytes else None
                    if call is not None and self._service(call.target) is not Service.CONNECTIONS:
                        call = None
                    body = await reader.readexactly(call.length) if call is not None else b""
            except (asyncio.IncompleteReadError, TimeoutError):
                return
            except asyncio.LimitOverrunError:
                writer.write(refusal(431, b""))
                return
            if call is not None:
                if not await self._call(call, body, writer, peer):
                    return
                continue
            http = h11.Connection(h11.SERVER)
            try:
                http.receive_data(head)
                request = http.next_event()
                if not isinstance(request, h11.Request):
                    return
                headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers]
                target = request.target.decode("latin-1")
                if _head_bytes(request) > limits.head_bytes:
                    writer.write(refusal(431, message(431, "Request Header Fields Too Large")[2]))
                    return
                struck = await self._struck(target) if self._faults else None
                if struck is Kind.REFUSE:
                    writer.transport.abort()
                    return
                if any(n == "upgrade" and v.lower() == "websocket" for n, v in headers):
                    if struck is not None:
                        writer.write(refusal(429, message(429, "Too Many Requests")[2]))
                        return
                    connection = await handshake.serve(
                        self._account, self._api_at, head, target, reader, writer
                    )
                    if connection is not None:
                        await self._hold(connection)
                    return
                async with asyncio.timeout(limits.request_s):
                    body = await self._body(http, reader, writer)
            except h11.RemoteProtocolError:
                writer.write(refusal(400, message(400, "Bad Request")[2]))
                return
            method = request.method.decode("latin-1")
            if struck is None or struck is Kind.CUT:
                if self._service(target) is Service.GATEWAY:
                    self._answering.add(writer)
                try:
                    reply = await self._reply(method, target, headers, body, peer)
                finally:
                    self._answering.discard(writer)
            else:
                reply = _refused(struck)
            if struck is Kind.CUT:
                writer.transport.abort()
                return
            writer.write(encode(http, method, reply, last=self._stopping))
            await writer.drain()
            if http.our_state is not h11.DONE or http.trailing_data[0]:
                return

    async def _call(
        self, call: plain.Call, body: bytes, writer: asyncio.StreamWriter, peer: str
    ) -> bool:
        """Serve a plain call; whether the socket may bring another request."""
        struck = await self._struck(call.target) if self._faults else None
        if struck is Kind.REFUSE:
            writer.transport.abort()
            return False
        if struck is None or struck is Kind.CUT:
            reply = await self._reply(call.method, call.target, call.headers, body, peer)
        else:
            reply = _refused(struck)
        if struck is Kind.CUT:
            writer.transport.abort()
            return False
        writer.write(plain.encode(reply, last=self._stopping))
        await writer.drain()
        return not self._stopping

    async def _struck(self, target: str) -> Kind | None:
        """What this request suffers."""
        service = self._service(target)
        if self._faults is None or service is None:
            return None
        return await self._faults.strike(service)

    def _service(self, target: str) -> Service | None:
        """Which service a request is for; None for the stack's own."""
        path = target.partition("?")[0]
        if path.startswith("/dev/"):
            return None
        posts = any(management.name(api.stage, path) is not None for api in self._apis)
        return Service.CONNECTIONS if posts else Service.GATEWAY

    def _cut(self, service: Service, fault: Fault) -> None:
        """End all connections when a fault begins that does so."""
        if service is Service.GATEWAY and fault.kind in (Kind.REFUSE, Kind.CUT):
            for connection in list(self.connections.values()):
                connection.abort()
            for writer in self._answering:
                writer.transport.abort()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        """The next request's head; `stop` does not wait for it."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            return await reader.readuntil(b"\r\n\r\n")
        finally:
            self._waiting.discard(task)

    async def _body(
        self, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """The body; of a body above all limits, only enough to detect that."""
        body = bytearray()
        if http.they_are_waiting_for_100_continue:
            writer.write(http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Data):
                if len(body) <= self._account.limits.http_body_bytes:
                    body += event.data
            else:
                return bytes(body)

    async def _reply(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes, peer: str
    ) -> Reply:
        """Answer a request with the part of the host that it is for."""
        raw, _, query = target.partition("#")[0].partition("?")
        if (method, raw) in self._local:
            return await self._local[(method, raw)](body, dict(headers))
        for api in self._apis:
            connection_id = management.name(api.stage, raw)
            if connection_id is not None:
                request = Request(method, raw, query, headers, body)
                return management.serve(self._account, self.connections, connection_id, request)
            if raw == f"/{api.stage}" or raw.startswith(f"/{api.stage}/"):
                return message(403, "Forbidden")
        found = self._http.find(method, raw) if self._http else None
        if self._http is None or found is None:
            return self._static.serve(method, raw) if self._static else message(404, "Not Found")
        if not self._account.requests.take():
            return message(429, "Too Many Requests")
        return await self._http.serve(
            found, method=method, path=raw, query=query, headers=headers, body=body, peer=peer
        )

    def _api_at(self, target: str) -> WebSocketApi | None:
        """The API at a path; Socket.IO with transport=websocket gets the first, as on the edge."""
        url = urlsplit(target)
        by_websocket = dict(parse_qsl(url.query)).get("transport") == "websocket"
        for api in self._apis:
            if url.path in (api.path, api.path + "/", f"/{api.stage}", f"/{api.stage}/"):
                return api
            if url.path in (api.socketio_path, f"{api.socketio_path}/") and by_websocket:
                return api
        return None


def _refused(kind: Kind) -> Reply:
    """API Gateway's own refusal."""
    if kind is Kind.GONE:
        return message(410, "Gone")
    return message(429, "Too Many Requests")


def _head_bytes(request: h11.Request) -> int:
    """Request line and header values, as the quota counts them."""
    line = len(request.method) + len(request.target) + len(b"  HTTP/1.1")
    return line + sum(len(value) for _, value in request.headers)
