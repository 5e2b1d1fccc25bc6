"""Handlers of API Gateway's WebSocket events. They never raise into API Gateway.

If a handler raises, API Gateway sends its own JSON frame, which the client's protocol does not
know. So every error is answered in the client's protocol.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from .. import actions, wire
from ..access.limits import CONNECT
from ..connections.closing import Reason
from ..kernel import telemetry
from ..kernel.errors import (
    Internal,
    NotConnected,
    RefusedTooOften,
    TidingsError,
    TokenFault,
    Unauthorized,
)
from ..model.access import Address
from ..model.connections import Target
from ..model.identifiers import ConnectionId, Region
from ..services import Services
from ..wire import jsonwire
from .socketio import frames, packets
from .socketio.frames import Handler

SUBPROTOCOL = "bearer"
_INFO_LENGTH = 256


def connect(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """`$connect`: 200 opens the socket, 401 and 403 refuse it, 503 means try again."""
    context = event["requestContext"]
    # Not `connectedAt`, which may be a cold start earlier: a 410 means "not yet" for 5 s from
    # here. And before the revocation check: a revocation closes all connections older than it,
    # so it also closes this one.
    at_ms = services.adapters.clock.now_ms()
    address = _address(services, event)
    with _invocation(services, context, "connected", "websocket_connect"):
        try:
            query = event.get("queryStringParameters") or {}
            if "EIO" not in query or "sid" not in query:  # an upgrade is no new client
                services.draining.admit()
            if "EIO" in query:
                device, headers = _device_info(event, address), event.get("headers") or {}
                if not query.get("token") and "sid" not in query:
                    services.limits.spend_unknown(address)
                return frames.open_session(
                    services, context, query, device, address, headers, at_ms
                )
            token, subprotocol = _token(event)
            identity = services.tokens.verify(token)
            services.limits.spend(identity.user_id, CONNECT)
            identity = services.revocations.checked(identity)
            target = Target(
                connection_id=ConnectionId(context["connectionId"]),
                user_id=identity.user_id,
                api_id=context["apiId"],
                stage=context["stage"],
                region=Region(services.settings.region),
                protocol=wire.JSON,
                connected_at_ms=at_ms,
                takes_arrays=query.get("arrays") == "true",
            )
            services.connections.open(identity, target, _device_info(event, address))
        except TidingsError as fault:
            refusal = services.limits.charged(fault, address)
            telemetry.note("connect_refused", ip=address.text, **refusal.for_log())
            return _refused(refusal)
        except Exception as fault:  # noqa: BLE001 - the edge: nothing is raised into API Gateway
            telemetry.note("connect_failed")
            telemetry.error("connect_failed", fault)
            return _refused(Internal("internal error; try again later"))
        telemetry.note("connected", user_id=identity.user_id, ip=address.text)
        headers = {"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {}
        return {"statusCode": 200, "headers": headers, "body": ""}


def _refused(error: TidingsError) -> dict[str, Any]:
    return {"statusCode": error.status, "body": json.dumps(error.as_body())}


def message(
    services: Services, event: dict[str, Any], handler: Handler = packets.CHAT
) -> dict[str, Any]:
    """`$default`: the answer is the return body (route response), so it needs no post."""
    context = event["requestContext"]
    with _invocation(services, context, "frame", "websocket_message"):
        services.cluster.listen()
        text = event.get("body") or ""
        if frames.speaks(text):
            answer = _engineio(services, context, text, handler)
            if answer is not None:
                return {"statusCode": 200, "body": answer}
        request = jsonwire.decode(text)
        try:
            connection_id = ConnectionId(context["connectionId"])
            if request.fault is not None:
                actions.refuse(services, connection_id, request.fault, speaks_json=True)
            ack = actions.run(services, connection_id, request.action, request.data)
            body = jsonwire.encode_ack(request.request_id, ack)
            telemetry.note("frame", action=request.action)
        except TidingsError as refusal:
            if isinstance(refusal, NotConnected) and frames.end_if_session(services, context):
                return {"statusCode": 200, "body": ""}
            telemetry.note("frame_refused", **refusal.for_log())
            body = jsonwire.encode_error(request.request_id, refusal)
            if isinstance(refusal, NotConnected):
                _close_soon(services, context)
            elif isinstance(refusal, RefusedTooOften):
                _close_refused(services, context)
        except Exception as fault:  # noqa: BLE001 - the edge
            telemetry.note("frame_failed")
            telemetry.error("frame_failed", fault)
            body = jsonwire.encode_error(
                request.request_id, Internal("internal error; try again later")
            )
        return {"statusCode": 200, "body": body}


def _engineio(
    services: Services, context: dict[str, Any], text: str, handler: Handler
) -> str | None:
    try:
        return frames.frame(services, context, text, handler)
    except Exception as fault:  # noqa: BLE001 - the edge
        telemetry.note("frame_failed")
        telemetry.error("frame_failed", fault)
        return ""


def _close_refused(services: Services, context: dict[str, Any]) -> None:
    """Close a connection of which too much was refused: at once, so that no more of it comes."""
    target = replace(frames.transport(services, context), protocol=wire.JSON)
    try:
        services.connections.end(target, Reason.REFUSED)
    except TidingsError as fault:
        telemetry.error("close_not_queued", fault)  # the client's next refused frame repeats it


def _close_soon(services: Services, context: dict[str, Any]) -> None:
    """Close a socket whose connection has been erased: it would get no events."""
    target = replace(frames.transport(services, context), protocol=wire.JSON)
    try:
        services.closing.after_the_answer(target)
    except TidingsError as fault:
        telemetry.error("close_not_queued", fault)  # the client's next frame repeats it


def disconnect(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """`$disconnect`: AWS sends it with best effort; handling it is idempotent."""
    context = event["requestContext"]
    with _invocation(services, context, "disconnected", "websocket_disconnect"):
        try:
            services.engine.ended(ConnectionId(context["connectionId"]))
        except Exception as fault:  # noqa: BLE001 - the sweep cleans up the rest
            telemetry.note("disconnect_failed")
            telemetry.error("disconnect_failed", fault)
            return {"statusCode": 500}
        return {"statusCode": 200}


def _invocation(
    services: Services, context: dict[str, Any], event: str, function: str
) -> AbstractContextManager[None]:
    """The log line of an invocation."""
    return telemetry.invocation(
        services.adapters.clock.now_ms,
        event,
        request_id=context.get("requestId"),
        connection_id=context.get("connectionId"),
        function=function,
    )


def _token(event: dict[str, Any]) -> tuple[str, str | None]:
    """The token from the query, the header or the subprotocol, and the subprotocol to echo.

    The answer must echo exactly one of the offered values, or browsers fail the handshake (RFC
    6455 section 4.1).
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    offered = [part.strip() for part in headers.get("sec-websocket-protocol", "").split(",")]
    by_subprotocol = offered[1] if len(offered) > 1 and offered[0] == SUBPROTOCOL else None
    echo = SUBPROTOCOL if by_subprotocol is not None else None
    query = event.get("queryStringParameters") or {}
    if query.get("token"):
        return query["token"], echo
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip(), echo
    if by_subprotocol:
        return by_subprotocol, echo
    raise Unauthorized(
        "send a token: in the query, the Authorization header or the subprotocol",
        TokenFault.MISSING,
    )


def _address(services: Services, event: dict[str, Any]) -> Address:
    identity = event["requestContext"].get("identity") or {}
    return services.addresses.of(event.get("headers") or {}, identity.get("sourceIp") or "")


def _device_info(event: dict[str, Any], address: Address) -> dict[str, str]:
    """The handshake's information about the device; truncated, as it is untrusted input."""
    query = event.get("queryStringParameters") or {}
    identity = event["requestContext"].get("identity") or {}
    info = {
        "platform": query.get("platform") or "unknown",
        "version": query.get("version") or "unknown",
        "user_agent": identity.get("userAgent") or "",
        "ip": address.text,
    }
    return {name: str(value)[:_INFO_LENGTH] for name, value in info.items()}
