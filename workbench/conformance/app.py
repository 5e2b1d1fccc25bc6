"""Triggers of the conformance stack: the product's, with the test suites' applications.

Under `/engine.io` every message is echoed. Under `/socket.io` the namespaces `/` and `/custom`
answer CONNECT with an event `auth`, `message` with `message-back`, and ack `message-with-ack`.
https://github.com/socketio/socket.io/tree/main/docs
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from chalicelib import wire, wiring
from chalicelib.entrypoints import queues, schedules, websocket
from chalicelib.entrypoints.http import rest
from chalicelib.entrypoints.socketio import packets, polling
from chalicelib.entrypoints.socketio.frames import SessionFrame
from chalicelib.entrypoints.socketio.packets import Socket
from chalicelib.kernel.errors import NotConnected, TidingsError
from chalicelib.model.access import Identity
from chalicelib.model.identifiers import UserId
from chalicelib.services import Services
from chalicelib.wire import engineio

Event = dict[str, Any]
_NEVER_S = 4_102_444_800  # the year 2100


class Suite:
    """The Socket.IO suite's application; each session has a user of its own."""

    namespaces: Collection[str] = ("/", "/custom")

    def connect(self, services: Services, socket: Socket, payload: Any) -> list[list[Any]]:
        user_id = UserId(f"suite-{socket.transport.connection_id.rstrip('=')}")
        target = replace(
            socket.transport,
            connection_id=socket.connection_id,
            user_id=user_id,
            protocol=wire.of_namespace(socket.namespace),
        )
        services.connections.open(Identity(user_id, _NEVER_S), target, {})
        return [["auth", payload if payload is not None else {}]]

    def event(
        self, services: Services, socket: Socket, name: str, arguments: Sequence[Any]
    ) -> tuple[list[Any] | None, list[Any] | None]:
        if services.connections.known(socket.connection_id) is None:
            raise NotConnected("not connected")
        if name == "message-with-ack":
            return list(arguments), None
        return None, ["message-back", *arguments] if name == "message" else None

    def refuse(self, name: str, error: TidingsError) -> tuple[None, list[Any]]:
        return None, ["refused", error.as_json()]

    def ack(self, services: Services, socket: Socket, ack_id: int) -> bool:
        """Return False: this application asks for no acks."""
        return False


def _echo(call: SessionFrame, data: str | bytes) -> str:
    return engineio.encode_text(engineio.EnginePacket(engineio.EnginePacketKind.MESSAGE, data))


_SUITE = packets.handler(Suite())


def websocket_connect(event: Event, context: object) -> Event:
    return websocket.connect(wiring.services(), event)


def websocket_message(event: Event, context: object) -> Event:
    return websocket.message(wiring.services(), event, _SUITE)


def engine_message(event: Event, context: object) -> Event:
    return websocket.message(wiring.services(), event, _echo)


def websocket_disconnect(event: Event, context: object) -> Event:
    return websocket.disconnect(wiring.services(), event)


class _Http:
    """The HTTP API: polling for both applications."""

    def __init__(self) -> None:
        path = os.environ.get("CONFORMANCE_PATH", "/socket.io")
        self._handlers = {path: _SUITE, "/engine.io": _echo}
        self.routes = {path: ["GET", "POST", "PUT"] for path in self._handlers}

    def __call__(self, event: Event, context: object) -> Event:
        handler = self._handlers[event["resource"]]
        request = rest.from_event(event)
        answer = polling.handle(wiring.services(), request, event["httpMethod"], handler)
        return {"statusCode": answer.status, "headers": polling.HEADERS, "body": answer.text}


app = _Http()


def deliver(event: Event, context: object) -> Event:
    return queues.deliver(wiring.services(), event)


def outbound(event: Event, context: object) -> Event:
    return queues.outbound(wiring.services(), event)


def sweep(event: Event, context: object) -> dict[str, int]:
    return schedules.sweep(wiring.services(), event)


def report(event: Event, context: object) -> dict[str, float]:
    return schedules.report(wiring.services(), event)
