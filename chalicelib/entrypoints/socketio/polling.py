"""Engine.IO over HTTP long polling: the handshake, polls that wait, and posts of packets.

Several processes serve one session. Their shared state is in Redis and changes atomically.
https://github.com/socketio/engine.io-protocol#http-long-polling
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from ...kernel import telemetry
from ...kernel.errors import CacheDown, NotConnected, NotFound, RefusedTooOften, TidingsError
from ...model.access import Address
from ...model.connections import POLLING, Target
from ...model.identifiers import ConnectionId, Region, UserId
from ...services import Services
from ...sessions.engine import MAX_PAYLOAD
from ...wire import engineio, of_namespace, socketio
from ...wire.engineio import ProtocolError
from ..http import refusals
from ..http.rest import HttpRequest
from . import frames as sessions
from .frames import Handler, SessionFrame
from .packets import CHAT

NOT_POLLING = "not an Engine.IO polling request; use EIO=4 and transport=polling"
_T_LENGTHS = range(7, 65)
# What each further packet of a POST costs a session without a namespace: nobody pays for it but its
# bucket, and clients send nothing but CONNECTs then.
_UNCONNECTED_TOKENS = 10
HEADERS = {"Content-Type": "text/plain; charset=UTF-8", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)


def handle(
    services: Services, request: HttpRequest, method: str, handler: Handler = CHAT
) -> Answer:
    """Handle a request of a polling client."""
    with telemetry.invocation(
        services.adapters.clock.now_ms,
        "poll",
        request_id=request.request_id,
        function="api_handler",
        method=method,
    ):
        query = request.query
        if query.get("EIO") != "4" or query.get("transport") != "polling":
            return Answer(400, NOT_POLLING)
        try:
            if method == "GET" and "sid" not in query:
                return _handshake(services, request)
            if method in ("GET", "POST") and "sid" in query:
                sid = ConnectionId(query["sid"][: sessions.SID_LENGTH])
                if method == "GET":
                    return _poll(services, request, sid)
                return _post(services, request, sid, handler)
        except CacheDown:
            return Answer(503, "polling is unavailable; try again later, or use a websocket")
        except TidingsError as fault:
            address = _address(services, request)
            refusal = services.limits.charged(fault, address)
            telemetry.note("request_refused", ip=address.text, **refusal.for_log())
            known = refusal.status in (401, 403, 429, 503)
            headers = {**HEADERS, **refusals.headers(refusal)}
            return Answer(refusal.status if known else 400, str(refusal), headers)
        except Exception as fault:  # noqa: BLE001 - the edge
            telemetry.note("request_failed")
            telemetry.error("request_failed", fault)
            return Answer(500, "internal error; try again later")
        return Answer(400, NOT_POLLING)


def _address(services: Services, request: HttpRequest) -> Address:
    return services.addresses.of(request.headers, request.source_ip)


def _handshake(services: Services, request: HttpRequest) -> Answer:
    services.draining.admit()
    address = _address(services, request)
    if not request.query.get("token"):
        services.limits.spend_unknown(address)
    adapters = services.adapters
    target = Target(
        connection_id=ConnectionId(adapters.ids.token()),
        user_id=UserId(""),
        api_id=POLLING,
        stage="",
        region=Region(services.settings.region),
        protocol=of_namespace(socketio.MAIN),
        connected_at_ms=adapters.clock.now_ms(),
    )
    agent = request.headers.get("user-agent", "")[:256]
    device = {"platform": "unknown", "version": "unknown", "user_agent": agent}
    device["ip"] = address.text[:256]
    session = sessions.new_session(services, target, request.query, device, request.headers)
    return Answer(200, services.engine.open_polling(session))


def _poll(services: Services, request: HttpRequest, sid: ConnectionId) -> Answer:
    """Answer a poll. One of a session that does not exist is charged to its network.

    Browsers and HTTP libraries send a GET again by themselves if its connection breaks. Then the
    client does not know that an answer was lost, but its `t` is the same. A whole number is none
    that can be relied on: some clients send the second.
    https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
    """
    t = request.query.get("t", "")
    named = len(t) in _T_LENGTHS and not t.isdigit()
    name = t if named else services.adapters.ids.token()
    pay = partial(services.limits.spend_unknown, _address(services, request))
    frames = services.polls.poll(sid, name, pay)
    return Answer(200, engineio.SEPARATOR.join(frames))


def _post(services: Services, request: HttpRequest, sid: ConnectionId, handler: Handler) -> Answer:
    """Handle the client's packets in order; answers go to the write buffer."""
    body = request.body
    try:
        session = services.polls.answering(sid)
    except NotFound:
        services.limits.spend_unknown(_address(services, request))
        raise
    call = SessionFrame(services, session.target, None)
    if len(body.encode()) > MAX_PAYLOAD:
        services.engine.close(session.target)
        return Answer(413, f"the payload exceeds {MAX_PAYLOAD} bytes")
    try:
        packets = engineio.decode_payload(body)
        if len(packets) > 1 and not session.namespaces:
            services.engine.paid(sid, _UNCONNECTED_TOKENS * (len(packets) - 1), named=True)
        for packet in packets:
            answer = sessions.serve(call, packet, handler)
            if answer:
                services.engine.post(session.target, [answer])
    except RefusedTooOften:
        services.engine.close(session.target)
        raise
    except (ProtocolError, NotConnected) as fault:
        telemetry.note("session_failed", reason=str(fault))
        services.engine.close(session.target)
        return Answer(400, str(fault))
    return Answer(200, "ok")
