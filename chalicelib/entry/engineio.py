"""Engine.IO over websockets: events of API Gateway to a session, its messages to a handler.

Each frame is an invocation of its own, and its answer rides the return body. What cannot be
decoded ends the session, as in the reference server.
https://github.com/socketio/engine.io-protocol
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .. import protocol, telemetry
from ..errors import BadRequest, NotConnected
from ..model import ConnectionId, EngineSession, Region, Target, UserId
from ..protocol import engineio, session, socketio
from ..protocol.engineio import ProtocolError
from ..protocol.session import Effect
from ..services import Services


@dataclass(frozen=True, slots=True)
class Call:
    """A frame's session, and when API Gateway took the frame."""

    services: Services
    transport: Target
    at_ms: int

    @property
    def sid(self) -> ConnectionId:
        return self.transport.connection_id


# Takes a message of the session; the answer's frame, "" for none. Raises ProtocolError or
# NotConnected to end the session.
Handler = Callable[[Call, str | bytes], str]


def speaks(body: str) -> bool:
    """Whether a frame may be Engine.IO's; one of the JSON protocol is an object."""
    return not body.lstrip().startswith("{")


def open_session(
    services: Services, context: dict[str, Any], query: dict[str, str], device: dict[str, str]
) -> dict[str, Any]:
    """`$connect` of an Engine.IO client; its first packet comes when the socket is open."""
    if query.get("EIO") != "4" or query.get("transport") != "websocket" or "sid" in query:
        raise BadRequest("not a handshake of Engine.IO 4 over a websocket")
    target = _transport(services, context)
    known = EngineSession(target, device, pong_ms=target.connected_at_ms)
    if query.get("token"):
        identity = services.tokens.verify(query["token"])
        services.revocations.check(identity.user_id)
        known = replace(
            known,
            user_id=identity.user_id,
            expires_at_s=identity.expires_at_s,
            roles=identity.roles,
        )
    services.engine.open(known)
    return {"statusCode": 200, "body": ""}


def frame(services: Services, context: dict[str, Any], body: str, handler: Handler) -> str | None:
    """Serve a frame; the answer, "" for none. None: this is no Engine.IO session at all."""
    call = Call(services, _transport(services, context), int(context["requestTimeEpoch"]))
    try:
        packet = engineio.decode_text(body)
        match session.on_packet(packet):
            case Effect.ALIVE:
                return "" if services.engine.pong(call.sid) else None
            case Effect.MESSAGE:
                return handler(call, packet.data)
            case Effect.END if _is_json(call):
                return None
            case Effect.END:
                services.engine.close(call.transport)
                return ""
            case Effect.FAIL:
                raise ProtocolError("not a packet of a client")
            case Effect.NOTHING:
                return ""
    except (ProtocolError, NotConnected) as fault:
        if _is_json(call):
            return None
        telemetry.log("INFO", "session_failed", reason=str(fault))
        services.engine.close(call.transport)
        return ""


def _transport(services: Services, context: dict[str, Any]) -> Target:
    """The websocket of an event; its user is not known at this level."""
    return Target(
        connection_id=ConnectionId(context["connectionId"]),
        user_id=UserId(""),
        api_id=context["apiId"],
        stage=context["stage"],
        region=Region(services.settings.region),
        protocol=protocol.of_namespace(socketio.MAIN),
        connected_at_ms=int(context["connectedAt"]),
    )


def _is_json(call: Call) -> bool:
    known = call.services.connections.known(call.sid)
    return known is not None and protocol.is_json(known.target.protocol)
