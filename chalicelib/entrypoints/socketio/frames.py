"""Engine.IO over websockets: events of API Gateway to a session, its messages to a handler.

Each frame is an invocation of its own, and its answer rides the return body. What cannot be
decoded ends the session, as in the reference server.
https://github.com/socketio/engine.io-protocol
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ... import wire
from ...kernel import telemetry
from ...kernel.errors import BadRequest, NotConnected
from ...model.connections import Target
from ...model.identifiers import ConnectionId, Region, UserId
from ...model.sessions import EngineSession
from ...services import Services
from ...wire import engineio, socketio
from ...wire import session as transitions
from ...wire.engineio import ProtocolError
from ...wire.session import Effect


@dataclass(frozen=True, slots=True)
class SessionFrame:
    """A frame's session.

    Attributes:
        at_ms: When API Gateway took the frame; None where frames come in their order.
    """

    services: Services
    transport: Target
    at_ms: int | None

    @property
    def sid(self) -> ConnectionId:
        return self.transport.connection_id


# Takes a message of the session; the answer's frame, "" for none. Raises ProtocolError or
# NotConnected to end the session.
Handler = Callable[[SessionFrame, str | bytes], str]


def speaks(body: str) -> bool:
    """Whether a frame may be Engine.IO's; one of the JSON protocol is an object."""
    return not body.lstrip().startswith("{")


def open_session(
    services: Services,
    context: dict[str, Any],
    query: dict[str, str],
    device: dict[str, str],
    headers: Mapping[str, str],
    at_ms: int,
) -> dict[str, Any]:
    """`$connect` of an Engine.IO client; its first packet comes when the socket is open.

    Args:
        at_ms: When `$connect` began to run: from then on a 410 may mean "not yet".
    """
    if query.get("EIO") != "4" or query.get("transport") != "websocket":
        raise BadRequest("not a handshake of Engine.IO 4 over a websocket")
    target = replace(_transport(services, context), connected_at_ms=at_ms)
    if "sid" in query:
        _probe(services, target, ConnectionId(query["sid"]), device)
    else:
        session = new_session(services, target, query, device)
        services.engine.open(replace(session, recovers=understands_recovery(headers)))
    return {"statusCode": 200, "body": ""}


def understands_recovery(headers: Mapping[str, str]) -> bool:
    """Whether a handshake is the JavaScript client's: the only one that knows recovery.

    It is in a browser, or in Node, where its requests name the library and its websockets name
    nobody but offer to compress as `ws` does.
    """
    known = {name.lower(): value for name, value in headers.items()}
    agent = known.get("user-agent", "")
    if not agent:
        return "client_max_window_bits" in known.get("sec-websocket-extensions", "")
    return agent.startswith(("Mozilla/", "node-XMLHttpRequest"))


def new_session(
    services: Services, target: Target, query: Mapping[str, str], device: dict[str, str]
) -> EngineSession:
    """A session at its handshake, whose query may carry a token."""
    known = EngineSession(target, device, pong_ms=target.connected_at_ms)
    if not query.get("token"):
        return known
    identity = services.tokens.verify(query["token"])
    services.revocations.check(identity.user_id)
    return replace(
        known,
        user_id=identity.user_id,
        expires_at_s=identity.expires_at_s,
        roles=identity.roles,
    )


def _probe(services: Services, target: Target, sid: ConnectionId, device: dict[str, str]) -> None:
    """A websocket for a polling session; where there is none it is closed once it is open."""
    polling = services.engine.session(sid)
    if polling is None or not polling.target.polls:
        services.engine.turn_away(target)
        return
    fresh = replace(polling, ping_ms=0, probed_ms=0, namespaces=frozenset())
    offered = replace(fresh, target=target, device_info=device, upgrades=sid)
    if not services.engine.offer(offered, polling):
        services.engine.turn_away(target)


def serve(call: SessionFrame, packet: engineio.EnginePacket, handler: Handler) -> str:
    """Do what a packet asks for; the answer's frame, "" for none.

    Raises:
        ProtocolError, NotConnected: The session has to end.
    """
    engine = call.services.engine
    match transitions.on_packet(packet):
        case Effect.ALIVE if engine.pong(call.sid):
            return ""
        case Effect.MESSAGE:
            return handler(call, packet.data)
        case Effect.END:
            engine.leave(call.transport)
            return ""
        case Effect.PROBE if (probing := _upgrading(call)) is not None:
            engine.probe(probing)
            return engineio.encode_text(
                engineio.EnginePacket(engineio.EnginePacketKind.PONG, packet.data)
            )
        case Effect.UPGRADE if (taking := _upgrading(call)) is not None:
            if call.services.upgrades.take_over(taking):
                return ""
        case Effect.NOTHING:
            return ""
    raise ProtocolError("not a packet of a client")


def _upgrading(call: SessionFrame) -> EngineSession | None:
    """The session of a websocket that would take over a polling one."""
    known = call.services.engine.session(call.sid)
    return known if known is not None and known.upgrades is not None else None


def frame(services: Services, context: dict[str, Any], body: str, handler: Handler) -> str | None:
    """Serve a frame; the answer, "" for none. None: this is no Engine.IO session at all."""
    call = SessionFrame(services, _transport(services, context), int(context["requestTimeEpoch"]))
    try:
        packet = engineio.decode_text(body)
        if packet.kind is engineio.EnginePacketKind.CLOSE and _is_json(call):
            return None
        return serve(call, packet, handler)
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
        protocol=wire.of_namespace(socketio.MAIN),
        connected_at_ms=int(context["connectedAt"]),
    )


def _is_json(call: SessionFrame) -> bool:
    known = call.services.connections.known(call.sid)
    return known is not None and wire.is_json(known.target.protocol)
