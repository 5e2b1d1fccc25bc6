"""Engine.IO over websockets: handle API Gateway's events for a session.

Each frame is a separate invocation, and its answer is the return body. A frame that cannot be
decoded ends the session, as in the reference server.
https://github.com/socketio/engine.io-protocol
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ... import wire
from ...access import limits
from ...connections.closing import Reason
from ...kernel import telemetry
from ...kernel.errors import (
    BadRequest,
    NotConnected,
    OtherProtocol,
    RefusedTooOften,
    Unauthorized,
)
from ...model.access import Address
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
    """The session of a frame.

    Attributes:
        at_ms: When API Gateway received the frame; None if frames arrive in order.
    """

    services: Services
    transport: Target
    at_ms: int | None

    @property
    def sid(self) -> ConnectionId:
        return self.transport.connection_id


# What packets cost that are handed over by several calls; others cost one token.
_TOKENS = {Effect.PROBE: 20, Effect.UPGRADE: 20}
_TOO_EARLY_TOKENS = 99  # what a pong costs beside, of a session that has not been pinged
_ENDING_TOKENS = 100  # what a frame costs that ends its session
SID_LENGTH = 128  # of the ids that clients name; those given are shorter
_SINCE_4_8 = re.compile("[0-9a-z]+")

# Handles a message of the session and returns the answer's frame, "" for none. Raises
# ProtocolError or NotConnected to end the session.
Handler = Callable[[SessionFrame, str | bytes], str]


def speaks(body: str) -> bool:
    """Whether a frame may be Engine.IO; frames of the JSON protocol are objects."""
    return not body.lstrip().startswith("{")


def open_session(
    services: Services,
    context: dict[str, Any],
    query: dict[str, str],
    device: dict[str, str],
    address: Address,
    headers: Mapping[str, str],
    at_ms: int,
) -> dict[str, Any]:
    """`$connect` of an Engine.IO client; its first packet is posted when the socket is open.

    Args:
        at_ms: When `$connect` began to run; soon after it, a 410 means "not yet connected".
    """
    if query.get("EIO") != "4" or query.get("transport") != "websocket":
        raise BadRequest("not an Engine.IO handshake; use EIO=4 and transport=websocket")
    target = replace(transport(services, context), connected_at_ms=at_ms)
    if "sid" in query:
        sid = ConnectionId(query["sid"][:SID_LENGTH])
        _probe(services, target, sid, device, address)
    else:
        services.engine.open(new_session(services, target, query, device, headers))
    return {"statusCode": 200, "body": ""}


def understands_recovery(headers: Mapping[str, str]) -> bool:
    """Whether the client is the JavaScript one, the only one that supports recovery since 4.6.

    It runs in a browser or in Node. In Node, its requests name their library as user agent; its
    websockets have no user agent, but offer compression as the library `ws` does.
    """
    known = {name.lower(): value for name, value in headers.items()}
    agent = known.get("user-agent", "")
    if not agent:
        return "client_max_window_bits" in known.get("sec-websocket-extensions", "")
    return agent.startswith(("Mozilla/", "node-XMLHttpRequest"))


def may_be_old(query: Mapping[str, str]) -> bool:
    """Whether a handshake of the JavaScript client may be of a version before 4.6.

    Since version 4.8 its requests carry a `t` of small letters and digits, and before it one that
    begins with a capital letter. Its websockets carry none, so that their version is unknown.
    """
    return not _SINCE_4_8.fullmatch(query.get("t", "0"))


def new_session(
    services: Services,
    target: Target,
    query: Mapping[str, str],
    device: dict[str, str],
    headers: Mapping[str, str],
) -> EngineSession:
    """A new session from its handshake, whose query may contain a token."""
    understands, old = understands_recovery(headers), may_be_old(query)
    known = EngineSession(
        target,
        device,
        pong_ms=target.connected_at_ms,
        recovers=understands and not old,
        may_recover=understands and old,
    )
    if not query.get("token"):
        return known
    identity = services.tokens.verify(query["token"])
    services.limits.spend(identity.user_id, limits.CONNECT)
    services.revocations.check(identity.user_id)
    return replace(
        known,
        user_id=identity.user_id,
        expires_at_s=identity.expires_at_s,
        roles=identity.roles,
    )


def _probe(
    services: Services,
    target: Target,
    sid: ConnectionId,
    device: dict[str, str],
    address: Address,
) -> None:
    """Offer a websocket to a polling session. Without such a session, close it once it is open.

    The session pays for it; without one, the network.
    """
    polling = services.engine.paid(sid, _TOKENS[Effect.PROBE], named=True)
    if polling is None or not polling.target.polls:
        services.limits.spend_unknown(address)
        services.closing.once_open(target)
        return
    fresh = replace(polling, ping_ms=0, probed_ms=0, namespaces=frozenset())
    offered = replace(fresh, target=target, device_info=device, upgrades=sid, began=sid)
    if not services.engine.offer(offered, polling):
        services.closing.once_open(target)


def serve(call: SessionFrame, packet: engineio.EnginePacket, handler: Handler) -> str:
    """Handle a packet; return the answer's frame, "" for none.

    Raises:
        ProtocolError, NotConnected, RefusedTooOften: The session must end.
    """
    effect = transitions.on_packet(packet)
    if effect is Effect.MESSAGE:
        return handler(call, packet.data)
    if effect is not Effect.FAIL:
        session = paid(call, _TOKENS.get(effect, 1))
        answer = _control(call, packet, effect, session)
        if answer is not None:
            return answer
    raise ProtocolError("clients may not send this packet now")


def _control(
    call: SessionFrame,
    packet: engineio.EnginePacket,
    effect: Effect,
    session: EngineSession | None,
) -> str | None:
    """Handle a packet that is no message; None if it cannot come now."""
    services = call.services
    match effect:
        case Effect.ALIVE:
            now_ms = services.adapters.clock.now_ms()
            if session is not None and not services.engine.pace.expects_pong(session, now_ms):
                if not session.namespaces and session.began is None:
                    paid(call, _TOO_EARLY_TOKENS)
                return ""
            return "" if services.heartbeats.pong(call.sid) is not False else None
        case Effect.END:
            services.engine.leave(call.transport)
            return ""
        case Effect.PROBE if session is not None and session.upgrades is not None:
            services.engine.probe(session)
            return engineio.encode_text(
                engineio.EnginePacket(engineio.EnginePacketKind.PONG, packet.data)
            )
        case Effect.UPGRADE if session is not None and session.upgrades is not None:
            return "" if services.upgrades.take_over(session) else None
        case Effect.NOTHING:
            return ""
    return None


def frame(services: Services, context: dict[str, Any], body: str, handler: Handler) -> str | None:
    """Handle a frame; return the answer, "" for none. None: it is not an Engine.IO session."""
    call = SessionFrame(services, transport(services, context), int(context["requestTimeEpoch"]))
    try:
        return serve(call, engineio.decode_text(body), handler)
    except OtherProtocol:
        return None
    except RefusedTooOften as refusal:
        return _refused(call, refusal)
    except (ProtocolError, NotConnected) as fault:
        return _failed(call, fault)


def _refused(call: SessionFrame, refusal: RefusedTooOften) -> str:
    """End a session that has sent too much. What was sent beside that costs two Redis trips.

    Without a session, one of the frames that have used up the bucket has closed the websocket.
    """
    telemetry.note("frame_refused", code=refusal.code)
    if call.services.engine.session(call.sid) is not None:
        call.services.engine.close(call.transport, Reason.REFUSED)
    return ""


def _failed(call: SessionFrame, fault: ProtocolError | NotConnected) -> str | None:
    """End the session of a frame that cannot be handled; None if the connection speaks JSON.

    A client may have sent many such frames before the first of them has closed its websocket, and
    each looks for what is to be closed. So they are paid for; what has waited for its CONNECT is.
    """
    services = call.services
    try:
        session = services.engine.paid(call.sid, 1)
        if session is None and _is_json(services, call.transport):
            return None
        if isinstance(fault, ProtocolError):
            services.engine.paid(call.sid, _ENDING_TOKENS - 1)
    except RefusedTooOften as refusal:
        return _refused(call, refusal)
    telemetry.note("session_failed", reason=str(fault))
    services.engine.close(call.transport)
    return ""


def end_if_session(services: Services, context: dict[str, Any]) -> bool:
    """End the Engine.IO session that sent a frame of the JSON protocol; False if there is none.

    True also if so many frames have come from a connection that nobody knows that it is closed.
    """
    call = SessionFrame(services, transport(services, context), None)
    try:
        session = services.engine.paid(call.sid, _ENDING_TOKENS)
    except RefusedTooOften as refusal:
        _refused(call, refusal)
        return True
    if session is None:
        return False
    telemetry.note("session_failed", reason="not an Engine.IO packet")
    services.engine.close(call.transport)
    return True


def paid(call: SessionFrame, tokens: int = 1) -> EngineSession | None:
    """Return the session of a packet, once it is charged for it; None if Redis does not have it.

    Raises:
        OtherProtocol: The connection's handshake was of the JSON protocol.
        RefusedTooOften: The session has sent too many packets: it must end.
    """
    session = call.services.engine.paid(call.sid, tokens)
    if session is None and _is_json(call.services, call.transport):
        raise OtherProtocol("this connection speaks the JSON protocol")
    return session


def transport(services: Services, context: dict[str, Any]) -> Target:
    """The websocket of an event; its user is unknown at this level."""
    return Target(
        connection_id=ConnectionId(context["connectionId"]),
        user_id=UserId(""),
        api_id=context["apiId"],
        stage=context["stage"],
        region=Region(services.settings.region),
        protocol=wire.of_namespace(socketio.MAIN),
        connected_at_ms=int(context["connectedAt"]),
    )


def _is_json(services: Services, transport: Target) -> bool:
    """Whether a frame's connection is of the JSON protocol; then its user pays for it when served.

    The protocol is known to Redis, as for every frame; the store is asked about others only.
    """
    sid = transport.connection_id
    try:
        charge = services.limits.charge(limits.OTHERS, 0)
        connection = services.frames.authenticate(sid, None, None, charge).connection
    except NotConnected:
        return False
    except Unauthorized:  # its token has expired
        connection = services.connections.known(sid)
    return connection is not None and wire.is_json(connection.target.protocol)
