"""One client's WebSocket: its frames, its invocations, and the limits of a connection.

Every text message is an invocation of its own, and they run concurrently, as on AWS: two frames of
one connection have no order.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-overview.html
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from . import events, routes
from .account import Account
from .config import FunctionError, WebSocketApi

_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Connection:
    """A client's connection after its handshake."""

    def __init__(
        self,
        account: Account,
        api: WebSocketApi,
        protocol: ServerProtocol,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        user_agent: str,
    ) -> None:
        self.api = api
        self.id = events.connection_id()
        self.source_ip: str = (writer.get_extra_info("peername") or ("", 0))[0]
        self.user_agent = user_agent
        self.connected_at_ms = int(time.time() * 1000)
        self.last_active_ms = self.connected_at_ms
        self._account = account
        self._protocol = protocol
        self._reader = reader
        self._writer = writer
        self._message = bytearray()
        self._binary = False  # of the message being received
        self._speaks_binary = False
        self._taken_ms = 0
        self._active = time.monotonic()
        self._started = time.monotonic()
        self._cut: asyncio.TimerHandle | None = None

    def context(self, event_type: str, route: str) -> dict[str, Any]:
        """The `requestContext` of an event about this connection."""
        return events.websocket_context(
            self.api,
            event_type=event_type,
            route=route,
            connection=self.id,
            connected_at_ms=self.connected_at_ms,
            source_ip=self.source_ip,
            user_agent=self.user_agent,
            region=self._account.region,
        )

    def disconnect_event(self) -> dict[str, Any]:
        """The `$disconnect` event: the code of the side that closed first, 1006 if neither did."""
        protocol = self._protocol
        close = protocol.close_rcvd if protocol.close_rcvd_then_sent else protocol.close_sent
        context = self.context("DISCONNECT", "$disconnect")
        context["disconnectStatusCode"] = close.code if close else 1006
        context["disconnectReason"] = close.reason if close else ""
        return {"requestContext": context, "isBase64Encoded": False}

    @property
    def ready(self) -> bool:
        """Whether posts reach it: `$connect` has returned, and neither side has begun to close."""
        return self._protocol.state is State.OPEN

    @property
    def unsent_bytes(self) -> int:
        """Bytes that wait here because the client does not read."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, text: bytes) -> None:
        """Send a text message, in frames within the limit; do nothing while closing.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
        """
        if not self.ready:
            return
        self._touch()
        data = self._as_binary(text)
        if data is not None:
            self._protocol.send_binary(data)
            self._flush()
            return
        size = self._account.limits.frame_bytes
        first, rest = text[:size], range(size, len(text), size)
        self._protocol.send_text(first, fin=not rest)
        for start in rest:
            fin = start + size >= len(text)
            self._protocol.send_continuation(text[start : start + size], fin=fin)
        self._flush()

    def close(self, code: int, reason: str = "", within_s: float | None = None) -> None:
        """Start the closing handshake; disconnect a client that does not answer in time."""
        if self.ready:
            self._protocol.send_close(code, reason)
            self._flush(within_s)

    def abort(self) -> None:
        """Lose the socket, as when the network does."""
        self._writer.transport.abort()

    async def run(self) -> None:
        """Serve until the socket ends."""
        watch = asyncio.create_task(self._watch())
        try:
            self._flush()
            while data := await self._reader.read(65536):
                self._protocol.receive_data(data)
                self._handle()
                await self._writer.drain()
            self._protocol.receive_eof()
            self._flush()
        except OSError:
            pass  # the socket has ended, which is what this waits for
        finally:
            watch.cancel()
            if self._cut is not None:
                self._cut.cancel()

    def _handle(self) -> None:
        """Handle the received events."""
        for event in self._protocol.events_received():
            self._touch()
            if isinstance(event, Frame) and event.opcode in _DATA and self.ready:
                self._frame(event)
        self._flush()

    def _frame(self, frame: Frame) -> None:
        """Collect the frames of a message; the protocol checks the sizes."""
        if frame.opcode is Opcode.BINARY and not self.api.binary:
            self.close(1003, "Binary frames are not supported")
            return
        if frame.opcode is not Opcode.CONT:
            self._binary = frame.opcode is Opcode.BINARY
            self._speaks_binary |= self._binary
        self._message += frame.data
        if not frame.fin:
            return
        data, self._message = bytes(self._message), bytearray()
        if self._binary:
            data = b"b" + base64.b64encode(data)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.close(1007, "Not UTF-8")
            return
        # On AWS, frames of one millisecond cannot be ordered, and binary frames cannot be sent.
        self._taken_ms = max(self._taken_ms + 1, int(time.time() * 1000))
        self._account.spawn(self._invoke(text, self._taken_ms))

    async def _invoke(self, text: str, taken_ms: int) -> None:
        """Run the message's function; send its answer, or an error frame, to the client."""
        route = routes.choose(self.api.route_selection_expression, self.api.routes, text)
        context = self.context("MESSAGE", route or "$default")
        if self.api.binary:
            context["requestTimeEpoch"] = taken_ms
        if not self._account.requests.take():
            self._error("Too Many Requests", context)
            return
        if route is None:
            self._error("Forbidden", context)
            return
        event = {"requestContext": context, "body": text, "isBase64Encoded": False}
        try:
            answer = await self._account.invoke(self.api.routes[route], event)
        except (FunctionError, TimeoutError):
            self._error("Internal server error", context)
            return
        if not isinstance(answer, dict) or "statusCode" not in answer:
            self._error("Internal server error", context)
        elif self._responds(route) and answer.get("body"):
            self._answer(str(answer["body"]).encode(), context)

    def _answer(self, text: bytes, context: dict[str, Any]) -> None:
        """Send a route response of at most a message's size.

        The quota is documented for messages, and closing the connection for received ones only. For
        a larger route response, nothing is documented: this assumes the same as for a failed
        integration, so the answer is lost and the connection stays.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
        """
        if len(text) > self._account.limits.message_bytes:
            self._error("Internal server error", context)
        else:
            self.send(text)

    def _responds(self, route: str) -> bool:
        return self.api.route_responses is None or route in self.api.route_responses

    def _as_binary(self, text: bytes) -> bytes | None:
        """The binary frame that a relaxed API sends for this text; None for all other texts."""
        if not self._speaks_binary or not text.startswith(b"b"):
            return None
        try:
            return base64.b64decode(text[1:], validate=True)
        except binascii.Error:
            return None

    def _error(self, message: str, context: dict[str, Any]) -> None:
        """Send API Gateway's own error frame, which is in no client's protocol."""
        frame = {"message": message, "connectionId": self.id, "requestId": context["requestId"]}
        self.send(json.dumps(frame).encode())

    async def _watch(self) -> None:
        """Close the connection when it is idle or too old."""
        limits = self._account.limits
        until = self._started + limits.connection_s
        while (left := min(self._active + limits.idle_s, until) - time.monotonic()) > 0:
            await asyncio.sleep(left)
        self.close(1001, "Going away")

    def _touch(self) -> None:
        self._active = time.monotonic()
        self.last_active_ms = int(time.time() * 1000)

    def _flush(self, within_s: float | None = None) -> None:
        """Write the protocol's pending bytes; after a close, give the client its time to answer."""
        transport = self._writer.transport
        for data in self._protocol.data_to_send():
            if transport.is_closing():
                break
            if data:
                self._writer.write(data)
            elif self._writer.can_write_eof():
                self._writer.write_eof()
        if self._cut is None and self._protocol.close_expected():
            after_s = self._account.limits.close_s if within_s is None else within_s
            self._cut = asyncio.get_running_loop().call_later(after_s, transport.abort)
