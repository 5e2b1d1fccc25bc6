"""One client's WebSocket: frames in, invocations out, and the limits of a connection.

Every text message is an invocation of its own and they run concurrently, as on AWS: nothing
orders two frames of one connection.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-overview.html
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from . import events
from .config import FunctionError, WebSocketApi

if TYPE_CHECKING:
    from .server import Gateway

Writer = asyncio.StreamWriter
_CLOSE_S = 5.0


class Connection:
    """A connection after its handshake.

    Attributes:
        ready: `$connect` has returned: posts reach it (before: 410).
    """

    def __init__(
        self,
        gateway: Gateway,
        api: WebSocketApi,
        protocol: ServerProtocol,
        reader: asyncio.StreamReader,
        writer: Writer,
        *,
        connection_id: str,
        source_ip: str,
        user_agent: str,
    ) -> None:
        self.api = api
        self.id = connection_id
        self.source_ip = source_ip
        self.user_agent = user_agent
        self.connected_at_ms = int(time.time() * 1000)
        self.last_active_ms = self.connected_at_ms
        self.ready = False
        self._gateway = gateway
        self._protocol = protocol
        self._reader = reader
        self._writer = writer
        self._parts: list[bytes] = []
        self._active = time.monotonic()
        self._started = time.monotonic()
        self._invocations: set[asyncio.Task[None]] = set()
        self._ended = (1006, "")

    def context(self, event_type: str, route: str) -> dict[str, Any]:
        return events.websocket_context(
            self.api,
            event_type=event_type,
            route=route,
            connection=self.id,
            connected_at_ms=self.connected_at_ms,
            source_ip=self.source_ip,
            user_agent=self.user_agent,
            region=self._gateway.region,
        )

    @property
    def unsent_bytes(self) -> int:
        return self._writer.transport.get_write_buffer_size()

    def send(self, text: bytes) -> None:
        """Send a text frame; nothing happens on a socket that is closing."""
        if self._protocol.state is State.OPEN:
            self._touch()
            self._protocol.send_text(text)
            self._flush()

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake from our side."""
        if self._protocol.state is State.OPEN:
            self._ended = (code, reason)
            self._protocol.send_close(code, reason)
            self._flush()

    async def run(self) -> None:
        """Serve until the socket ends."""
        self.ready = True
        watch = asyncio.create_task(self._watch())
        try:
            self._flush()
            while data := await self._receive():
                self._protocol.receive_data(data)
                self._handle()
            if not self._protocol.eof_sent:
                self._protocol.receive_eof()
                self._flush()
        except (ConnectionError, OSError):
            self._ended = (1006, "")
        finally:
            watch.cancel()
            self.ready = False

    async def settle(self, within_s: float) -> None:
        """Wait for the running invocations, bounded."""
        if self._invocations:
            await asyncio.wait(self._invocations, timeout=within_s)

    def disconnect_event(self) -> dict[str, Any]:
        context = self.context("DISCONNECT", "$disconnect")
        context["disconnectStatusCode"], context["disconnectReason"] = self._ended
        return {"requestContext": context, "isBase64Encoded": False}

    async def _receive(self) -> bytes:
        """What comes next; b"" at the end, or when a closing peer takes too long."""
        if not self._protocol.close_expected():
            return await self._reader.read(65536)
        try:
            return await asyncio.wait_for(self._reader.read(65536), _CLOSE_S)
        except TimeoutError:
            return b""

    def _handle(self) -> None:
        """Take the events of what was received."""
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frame(event)
        self._flush()

    def _frame(self, frame: Frame) -> None:
        limits = self._gateway.limits
        self._touch()
        if frame.opcode is Opcode.CLOSE:
            close = Close.parse(frame.data) if frame.data else Close(1005, "")
            if self._ended == (1006, ""):
                self._ended = (close.code, close.reason)
            return
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if self._protocol.state is not State.OPEN:
            return
        if frame.opcode is Opcode.BINARY:
            self.close(1003, "Binary frames are not supported")
            return
        self._parts.append(bytes(frame.data))
        if (
            len(frame.data) > limits.frame_bytes
            or sum(map(len, self._parts)) > limits.message_bytes
        ):
            self.close(1009, "Frame or message is too large")
        elif frame.fin:
            message, self._parts = b"".join(self._parts), []
            self._message(message)

    def _message(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.close(1007, "Not UTF-8")
            return
        task = asyncio.create_task(self._invoke(text))
        self._invocations.add(task)
        task.add_done_callback(self._invocations.discard)

    async def _invoke(self, text: str) -> None:
        route = self._route(text)
        context = self.context("MESSAGE", route or "$default")
        if not self._gateway.requests.take():
            self._error("Too Many Requests", context)
            return
        if route is None:
            self._error("Forbidden", context)
            return
        event = {"requestContext": context, "body": text, "isBase64Encoded": False}
        try:
            answer = await self._gateway.invoke(self.api.routes[route], event)
        except (FunctionError, TimeoutError):
            self._error("Internal server error", context)
            return
        if not isinstance(answer, dict) or "statusCode" not in answer:
            self._error("Internal server error", context)
        elif self.api.route_response and answer.get("body"):
            self.send(str(answer["body"]).encode())

    def _route(self, text: str) -> str | None:
        """`$request.body.action`, else `$default`; None where there is no route."""
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = None
        action = body.get("action") if isinstance(body, dict) else None
        if isinstance(action, str) and action in self.api.routes and not action.startswith("$"):
            return action
        return "$default" if "$default" in self.api.routes else None

    def _error(self, message: str, context: dict[str, Any]) -> None:
        """API Gateway's own frame, in nobody's protocol."""
        frame = {
            "message": message,
            "connectionId": self.id,
            "requestId": context["requestId"],
        }
        self.send(json.dumps(frame).encode())

    async def _watch(self) -> None:
        """Close the idle and the old."""
        limits = self._gateway.limits
        while True:
            now = time.monotonic()
            left = min(
                self._active + limits.idle_s - now, self._started + limits.connection_s - now
            )
            if left <= 0:
                self.close(1001, "Going away")
                await asyncio.sleep(5)
                self._writer.transport.abort()
                return
            await asyncio.sleep(left)

    def _touch(self) -> None:
        self._active = time.monotonic()
        self.last_active_ms = int(time.time() * 1000)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
            elif self._writer.can_write_eof() and not self._writer.transport.is_closing():
                self._writer.write_eof()
