"""Socket.IO: decode the messages of an Engine.IO session and run an application on the packets.

Frames may overtake each other. An event that arrives before its CONNECT waits for about a second;
without a CONNECT the session ends. Parts of a binary packet wait for each other in Redis. A single
answer is sent in the return body.
https://github.com/socketio/socket.io-protocol
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ... import actions, wire
from ...kernel import ids, telemetry
from ...kernel.errors import (
    BadRequest,
    Internal,
    NotConnected,
    TidingsError,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from ...model.access import Identity
from ...model.connections import Target
from ...model.identifiers import ConnectionId
from ...model.sessions import EngineSession
from ...services import Services
from ...sessions import offsets
from ...sessions.engine import NAMESPACES
from ...wire import engineio, socketio
from ...wire.engineio import ProtocolError
from .frames import Handler, SessionFrame

_UNORDERED = "attachments: their order is unknown; send one event at a time, or use polling"
PARK_S = (0.0, 0.02, 0.04, 0.08, 0.16, 0.3, 0.4)


@dataclass(frozen=True, slots=True)
class Socket:
    """A namespace of a session.

    Attributes:
        transport: The session's websocket.
        sid: The id that its client will get if it connects now.
    """

    transport: Target
    namespace: str
    sid: str = ""

    @property
    def connection_id(self) -> ConnectionId:
        return ids.socket_id(self.transport.connection_id, self.namespace)


class Application(Protocol):
    """The application behind the sockets. `connect` and `event` raise TidingsErrors for clients."""

    namespaces: Collection[str]

    def connect(self, services: Services, socket: Socket, payload: Any) -> list[list[Any]] | None:
        """Accept a socket; return its first events, [name, argument, …]. None: a job answers."""

    def event(
        self, services: Services, socket: Socket, name: str, arguments: Sequence[Any]
    ) -> tuple[list[Any] | None, list[Any] | None]:
        """Handle an event; return the ack's arguments and an answering event, None for neither.

        Raises:
            NotConnected: The socket is not, or not yet, connected.
        """

    def refuse(self, name: str, error: TidingsError) -> tuple[list[Any] | None, list[Any] | None]:
        """The answer, as from `event`, to an event that could not be handled."""

    def ack(self, services: Services, socket: Socket, ack_id: int) -> None:
        """Handle the client's ack of an event. Ignore an unexpected ack."""


class Chat(Application):
    """Tidings: CONNECT carries a token, and actions are events."""

    namespaces: Collection[str] = NAMESPACES

    def connect(self, services: Services, socket: Socket, payload: Any) -> list[list[Any]] | None:
        known = services.engine.session(socket.transport.connection_id)
        identity = _identity(services, payload, known)
        services.revocations.check(identity.user_id)
        target = replace(
            socket.transport,
            connection_id=socket.connection_id,
            user_id=identity.user_id,
            protocol=wire.of_namespace(socket.namespace),
            sid=socket.sid,
        )
        device = known.device_info if known else {}
        if offsets.wanted(payload, known is not None and known.recovers):
            recovering = wire.of_namespace(socket.namespace, recovers=True)
            target = replace(target, protocol=recovering)
            services.recovery.ask(identity, target, device, offsets.claim_of(payload))
            return None
        services.connections.open(identity, target, device)
        telemetry.log("INFO", "connected", user_id=identity.user_id, namespace=socket.namespace)
        return []

    def event(
        self, services: Services, socket: Socket, name: str, arguments: Sequence[Any]
    ) -> tuple[list[Any] | None, list[Any] | None]:
        try:
            if len(arguments) > 1:
                raise BadRequest("send one argument: an object with the action's data")
            data = _plain(arguments[0]) if arguments and arguments[0] is not None else {}
            result = actions.run(services, socket.connection_id, name, data)
            return [{"ok": True, "data": result.data()}], None
        except NotConnected:
            raise
        except TidingsError as refusal:
            telemetry.log("INFO", "frame_refused", code=refusal.code)
            return self.refuse(name, refusal)
        except Exception as fault:  # noqa: BLE001 - the edge: answer, do not end the session
            telemetry.error("frame_failed", fault)
            return self.refuse(name, Internal("internal error; try again later"))

    def refuse(self, name: str, error: TidingsError) -> tuple[list[Any] | None, list[Any] | None]:
        fields = error.as_json()
        return [{"ok": False, "error": fields}], ["error", {"action": name, **fields}]

    def ack(self, services: Services, socket: Socket, ack_id: int) -> None:
        """Handle the ack of a delivered message like the action `message_delivered`."""
        message = services.receipts.acked(ack_id)
        if message is None:
            return
        room_id, message_id = message
        data = {"conversation_id": room_id, "message_id": message_id}
        try:
            actions.run(services, socket.connection_id, "message_delivered", data)
        except TidingsError as refusal:
            telemetry.log("INFO", "ack_refused", code=refusal.code)


def handler(application: Application) -> Handler:
    """A handler of Engine.IO messages that runs this application."""
    return functools.partial(_message, application)


def _message(application: Application, call: SessionFrame, data: str | bytes) -> str:
    if isinstance(data, bytes):
        return _part(call, engineio.encode_text(engineio.EnginePacket(_MESSAGE, data)), application)
    packet = socketio.decode(data)
    if packet.attachments:
        return _part(call, data, application)
    return _packet(call, packet, application)


_MESSAGE = engineio.EnginePacketKind.MESSAGE


def _part(call: SessionFrame, part: str, application: Application) -> str:
    """Keep a part of a binary packet; handle the packet when it is complete.

    If the order of the attachments is unknown, their events are refused.
    """
    try:
        found = call.services.engine.gather(call.sid, call.at_ms, part)
    except TooLarge as refusal:
        raise ProtocolError(str(refusal)) from None
    if found is None:
        return ""
    if not found.certain:
        heads = [socketio.decode(each) for each in found.parts if not each.startswith("b")]
        return _answer(call, [each for head in heads for each in _unordered(head, application)])
    head, *attachments = found.parts
    data = [base64.b64decode(each[1:]) for each in attachments]
    return _packet(call, socketio.attach(socketio.decode(head), data), application)


def _unordered(head: socketio.Packet, application: Application) -> list[socketio.Packet]:
    """The error answer to an event if the order of its attachments is unknown."""
    if head.kind is not socketio.PacketKind.BINARY_EVENT:
        return []
    telemetry.log("INFO", "attachments_unordered")
    ack, event = application.refuse(head.data[0], Unavailable(_UNORDERED))
    return _reply(head, ack, event)


def _packet(call: SessionFrame, packet: socketio.Packet, application: Application) -> str:
    socket = Socket(call.transport, packet.namespace)
    match packet.kind:
        case socketio.PacketKind.CONNECT:
            return _connect(call, socket, packet.data, application)
        case socketio.PacketKind.DISCONNECT:
            call.services.connections.close(socket.connection_id)
            return ""
        case socketio.PacketKind.EVENT:
            return _event(call, socket, packet, application)
        case socketio.PacketKind.ACK:
            if packet.ack_id is not None:
                application.ack(call.services, socket, packet.ack_id)
            return ""
    raise ProtocolError("clients may not send this packet")


def _connect(call: SessionFrame, socket: Socket, payload: Any, application: Application) -> str:
    services = call.services
    if socket.namespace not in application.namespaces:
        return _refused(socket, {"message": "Invalid namespace"})
    socket = replace(socket, sid=services.adapters.ids.token())
    try:
        events = application.connect(services, socket, payload)
    except TidingsError as refusal:
        telemetry.log("INFO", "connect_refused", code=refusal.code)
        return _refused(socket, {"message": str(refusal), "data": refusal.as_json()})
    if events is None:
        return ""
    services.engine.connected(call.sid, socket.namespace)
    services.upgrades.settle(call.transport, socket.namespace)
    sid = {"sid": socket.sid}
    answer = socketio.Packet(socketio.PacketKind.CONNECT, socket.namespace, sid)
    packets = [socketio.Packet(socketio.PacketKind.EVENT, socket.namespace, e) for e in events]
    return _answer(call, [answer, *packets])


def _event(
    call: SessionFrame, socket: Socket, packet: socketio.Packet, application: Application
) -> str:
    name, *arguments = packet.data
    if packet.fault is not None:
        return _answer(call, _reply(packet, *application.refuse(name, packet.fault)))
    for wait_s in PARK_S:
        if wait_s:
            call.services.adapters.clock.sleep(wait_s)
        try:
            ack, event = application.event(call.services, socket, name, arguments)
            break
        except NotConnected:
            continue
    else:
        raise NotConnected("the namespace is not connected; send CONNECT first")
    return _answer(call, _reply(packet, ack, event))


def _reply(
    packet: socketio.Packet, ack: list[Any] | None, event: list[Any] | None
) -> list[socketio.Packet]:
    """The ack, if there is one and the client wants it; else the event, if there is one."""
    if packet.ack_id is not None and ack is not None:
        return [socketio.Packet(socketio.PacketKind.ACK, packet.namespace, ack, packet.ack_id)]
    if event is None:
        return []
    return [socketio.Packet(socketio.PacketKind.EVENT, packet.namespace, event)]


def _answer(call: SessionFrame, packets: Sequence[socketio.Packet]) -> str:
    """Return a single frame as the return body; post several, in order."""
    parts = [part for packet in packets for part in socketio.encode(packet)]
    frames = [engineio.encode_text(engineio.EnginePacket(_MESSAGE, part)) for part in parts]
    if len(frames) == 1:
        return frames[0]
    call.services.engine.post(call.transport, frames)
    return ""


def _refused(socket: Socket, why: dict[str, Any]) -> str:
    packet = socketio.Packet(socketio.PacketKind.CONNECT_ERROR, socket.namespace, why)
    return engineio.encode_text(engineio.EnginePacket(_MESSAGE, socketio.encode(packet)[0]))


def _identity(services: Services, payload: Any, known: EngineSession | None) -> Identity:
    token = payload.get("token") if isinstance(payload, dict) else None
    if isinstance(token, str) and token:
        return services.tokens.verify(token)
    if known is not None and known.user_id is not None:
        return Identity(known.user_id, known.expires_at_s, known.roles)
    raise Unauthorized("send a token with CONNECT: an object with the field `token`")


def _plain(data: Any) -> Any:
    """Replace binary data with JSON: {"$binary": base64}."""
    if isinstance(data, bytes):
        return {"$binary": base64.b64encode(data).decode()}
    if isinstance(data, list):
        return [_plain(each) for each in data]
    if isinstance(data, dict):
        return {name: _plain(each) for name, each in data.items()}
    return data


CHAT = handler(Chat())
