"""Socket.IO: decode the messages of an Engine.IO session and run an application on the packets.

Frames may overtake each other. An event that arrives before its CONNECT waits (`parking`). Parts of
a binary packet wait for each other in Redis. A single answer is sent in the return body.

An action is charged to its user, all other packets to the session.
https://github.com/socketio/socket.io-protocol
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ... import actions, wire
from ...access.limits import CONNECT
from ...jobs.sessions import GiveUpParts
from ...kernel import ids, telemetry
from ...kernel.errors import (
    BadRequest,
    Conflict,
    Internal,
    NotConnected,
    RefusedTooOften,
    TidingsError,
    TokenFault,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from ...model.access import Identity
from ...model.connections import Target
from ...model.identifiers import ConnectionId
from ...model.sessions import EngineSession
from ...services import Services
from ...sessions.binary import Gathered
from ...sessions.engine import NAMESPACES
from ...wire import engineio, offsets, socketio
from ...wire.engineio import ProtocolError
from .frames import Handler, SessionFrame, paid
from .parking import PARKED_TOKENS, parked, stays_connected, until_moved

_UNORDERED = "attachments: their order is unknown; send one event at a time, or use polling"
_LOST = "attachments: some did not arrive; send the event again"
_AWAY = "attachments: they cannot be kept now; try again later"
_LONGEST_NAME = 128  # of an event, in the answer that refuses it
_NAMESPACE_TOKENS = 20  # what it costs a session that a namespace comes or goes


@dataclass(frozen=True, slots=True)
class Socket:
    """A namespace of a session.

    Attributes:
        transport: The session's websocket.
        sid: The id that its client will get if it connects now.
        session: While it connects: its session, None if Redis does not have it.
    """

    transport: Target
    namespace: str
    sid: str = ""
    session: EngineSession | None = None

    @property
    def connection_id(self) -> ConnectionId:
        return ids.socket_id(self.transport.connection_id, self.namespace)


class Application(Protocol):
    """The application behind the sockets. `connect` and `event` raise TidingsErrors for clients."""

    namespaces: Collection[str]

    def connect(self, services: Services, socket: Socket, payload: Any) -> list[list[Any]] | None:
        """Accept a socket; return its first events, [name, argument, …]. None: a job answers.

        Raises:
            ProtocolError: It is unknown whether it was accepted: the session must end.
        """

    def event(
        self, services: Services, socket: Socket, name: str, arguments: Sequence[Any]
    ) -> tuple[list[Any] | None, list[Any] | None]:
        """Handle an event; return the ack's arguments and an answering event, None for neither.

        Raises:
            NotConnected: The socket is not, or not yet, connected.
        """

    def refuse(self, name: str, error: TidingsError) -> tuple[list[Any] | None, list[Any] | None]:
        """The answer, as from `event`, to an event that could not be handled."""

    def ack(self, services: Services, socket: Socket, ack_id: int) -> bool:
        """Handle the client's ack of an event; False for an ack that nobody waits for.

        Raises:
            NotConnected: The socket is not, or not yet, connected.
            OtherProtocol: The handshake of the connection was of the JSON protocol.
        """


class Chat(Application):
    """Tidings: CONNECT carries a token, and actions are events."""

    namespaces: Collection[str] = NAMESPACES

    def connect(self, services: Services, socket: Socket, payload: Any) -> list[list[Any]] | None:
        known = socket.session
        identity = _identity(services, payload, known)
        if known is None or not services.engine.connect_is_paid(known, identity.user_id):
            services.limits.spend(identity.user_id, CONNECT)
        identity = services.revocations.checked(identity)
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
            if not services.recovery.ask(identity, target, device, offsets.claim_of(payload)):
                # After a CONNECT_ERROR the client would not hear the answer, if it comes.
                raise ProtocolError("it is unknown whether CONNECT will be answered; try again")
            return None
        services.connections.open(identity, target, device)
        telemetry.note("connected", user_id=identity.user_id, namespace=socket.namespace)
        return []

    def event(
        self, services: Services, socket: Socket, name: str, arguments: Sequence[Any]
    ) -> tuple[list[Any] | None, list[Any] | None]:
        try:
            if len(arguments) > 1:
                fault = BadRequest("send one argument: an object with the action's data")
                actions.refuse(services, socket.connection_id, fault, speaks_json=False)
            data = _plain(arguments[0]) if arguments and arguments[0] is not None else {}
            result = actions.run(services, socket.connection_id, name, data, speaks_json=False)
            telemetry.note("frame", action=name)
            return [{"ok": True, "data": result.data()}], None
        except (NotConnected, RefusedTooOften):
            raise
        except TidingsError as refusal:
            telemetry.note("frame_refused", **refusal.for_log())
            return self.refuse(name, refusal)
        except Exception as fault:  # noqa: BLE001 - the edge: answer, do not end the session
            telemetry.note("frame_failed")
            telemetry.error("frame_failed", fault)
            return self.refuse(name, Internal("internal error; try again later"))

    def refuse(self, name: str, error: TidingsError) -> tuple[list[Any] | None, list[Any] | None]:
        fields = error.as_json()
        named = {"action": name[:_LONGEST_NAME], **fields}
        return [{"ok": False, "error": fields}], ["error", named]

    def ack(self, services: Services, socket: Socket, ack_id: int) -> bool:
        """Handle the ack of a delivered message like the action `message_delivered`."""
        message = services.receipts.acked(ack_id)
        if message is None:
            return False
        room_id, message_id = message
        data = {"conversation_id": room_id, "message_id": message_id}
        try:
            name = "message_delivered"
            actions.run(services, socket.connection_id, name, data, speaks_json=False)
        except (NotConnected, RefusedTooOften):
            raise
        except TidingsError as refusal:
            telemetry.note("ack_refused", **refusal.for_log())
        return True


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
    """Keep a part of a binary packet; handle the packets that are now complete."""
    session = paid(call)
    if session is not None and not session.namespaces and session.began is None:
        raise ProtocolError("no namespace is connected; send CONNECT first")
    sid = session.began if session is not None and session.began is not None else call.sid
    answers: list[str] = []
    try:
        if call.at_ms is not None and not part.startswith("b"):
            call.services.binary.expect(call.transport, sid)
        for found in call.services.binary.gather(sid, call.at_ms, part):
            answers += _gathered(call, found, application)
    except TooLarge as refusal:
        raise ProtocolError(str(refusal)) from None
    except Unavailable:
        telemetry.log("WARNING", "attachments_unreachable")
        answers += _refusals([part], application, _AWAY)
    return _last(call, answers)


def _gathered(call: SessionFrame, found: Gathered, application: Application) -> list[str]:
    """Handle complete packets. If it is unknown which attachments are whose, events are refused."""
    if not found.certain:
        return _refusals(found.parts, application, _UNORDERED)
    head, *attachments = found.parts
    data = [base64.b64decode(each[1:]) for each in attachments]
    answer = _packet(call, socketio.attach(socketio.decode(head), data), application)
    return [answer] if answer else []


def _refusals(parts: Sequence[str], application: Application, why: str) -> list[str]:
    """The error answers to the binary events that have their heads among these parts."""
    heads = [socketio.decode(each) for each in parts if not each.startswith("b")]
    events = [head for head in heads if head.kind is socketio.PacketKind.BINARY_EVENT]
    telemetry.note("attachments_refused", events=len(events))
    answers = [_reply(e, *application.refuse(e.data[0], Unavailable(why))) for e in events]
    return _encoded([packet for answer in answers for packet in answer])


def _packet(call: SessionFrame, packet: socketio.Packet, application: Application) -> str:
    socket = Socket(call.transport, packet.namespace)
    if packet.kind is socketio.PacketKind.CONNECT:
        return _connect(call, socket, packet.data, application)
    if socket.namespace not in application.namespaces:
        raise ProtocolError("there is no such namespace")
    match packet.kind:
        case socketio.PacketKind.DISCONNECT:
            session = paid(call, _NAMESPACE_TOKENS)
            if session is not None and session.began is not None:
                until_moved(call, socket.namespace)
                call.services.connections.close(ids.socket_id(session.began, socket.namespace))
            call.services.connections.close(socket.connection_id)
            # Last: a CONNECT that waits for this would else be closed here.
            call.services.engine.disconnected(call.sid, socket.namespace)
            return ""
        case socketio.PacketKind.EVENT:
            return _event(call, socket, packet, application)
        case socketio.PacketKind.ACK:
            number = packet.ack_id
            if number is None or not parked(
                call, socket.namespace, lambda: application.ack(call.services, socket, number)
            ):
                paid(call)
            return ""
    raise ProtocolError("clients may not send this packet")


def _connect(call: SessionFrame, socket: Socket, payload: Any, application: Application) -> str:
    services = call.services
    session = paid(call, _NAMESPACE_TOKENS)
    if socket.namespace not in application.namespaces:
        return _refused(socket, {"message": "Invalid namespace"})
    noted = session is not None and socket.namespace in session.namespaces
    if noted and stays_connected(call, socket.namespace):
        again = Conflict("this namespace is connected; send DISCONNECT first")
        return _refused(socket, {"message": str(again), "data": again.as_json()})
    socket = replace(socket, sid=services.adapters.ids.token(), session=session)
    try:
        events = application.connect(services, socket, payload)
    except TidingsError as refusal:
        telemetry.note("connect_refused", **refusal.for_log())
        if isinstance(refusal, Unauthorized):  # a stranger, as far as is known
            paid(call, PARKED_TOKENS - _NAMESPACE_TOKENS)
        return _refused(socket, {"message": str(refusal), "data": refusal.as_json()})
    if events is None:
        return ""
    noted = services.engine.connected(call.sid, socket.namespace)
    services.upgrades.settle(call.transport, socket.namespace)
    data = {"sid": socket.sid}
    if session is not None and session.may_recover:
        data["pid"] = services.adapters.ids.token()
    answer = socketio.Packet(socketio.PacketKind.CONNECT, socket.namespace, data)
    packets = [socketio.Packet(socketio.PacketKind.EVENT, socket.namespace, e) for e in events]
    frames = _encoded([answer, *packets])
    if noted:
        return _last(call, frames)
    # Redis has lost the session, or its end was handled before the socket was stored: then there is
    # nobody to post to, and the post ends the socket.
    services.engine.post(call.transport, frames)
    return ""


def _event(
    call: SessionFrame, socket: Socket, packet: socketio.Packet, application: Application
) -> str:
    name, *arguments = packet.data
    if packet.fault is not None:
        paid(call)
        return _answer(call, _reply(packet, *application.refuse(name, packet.fault)))
    ack, event = parked(
        call, socket.namespace, lambda: application.event(call.services, socket, name, arguments)
    )
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
    return _last(call, _encoded(packets))


def _encoded(packets: Sequence[socketio.Packet]) -> list[str]:
    parts = [part for packet in packets for part in socketio.encode(packet)]
    return [engineio.encode_text(engineio.EnginePacket(_MESSAGE, part)) for part in parts]


def _last(call: SessionFrame, frames: Sequence[str]) -> str:
    """Return a single frame as the return body; post several, in order."""
    if len(frames) == 1:
        return frames[0]
    if frames:
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
    raise Unauthorized(
        "send a token with CONNECT: an object with the field `token`", TokenFault.MISSING
    )


def _plain(data: Any) -> Any:
    """Replace binary data with JSON: {"$binary": base64}."""
    if isinstance(data, bytes):
        return {"$binary": base64.b64encode(data).decode()}
    if isinstance(data, list):
        return [_plain(each) for each in data]
    if isinstance(data, dict):
        return {name: _plain(each) for name, each in data.items()}
    return data


_CHAT = Chat()
CHAT = handler(_CHAT)


def give_up(services: Services, job: GiveUpParts) -> None:
    """Refuse the binary events of a session of which parts are lost."""
    found = services.binary.give_up(job)
    if found is not None:
        services.engine.post(job.target, _refusals(found.parts, _CHAT, _LOST))
