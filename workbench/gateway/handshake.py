"""The handshake: from an upgrade request, through `$connect`, to an open connection.

A malformed handshake is rejected before any function is called; the socket opens only when the
function has accepted it.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from . import events
from .account import Account
from .config import FunctionError, WebSocketApi
from .connection import Connection
from .wire import message, refusal

# The library logs whole frames and headers at DEBUG, which includes tokens and messages.
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)


class Refuse(Exception):
    """Answer the handshake with an HTTP status instead of a connection."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


async def serve(
    account: Account,
    api_at: Callable[[str], WebSocketApi | None],
    head: bytes,
    target: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> Connection | None:
    """Answer the handshake in `head`; return the connection if it was accepted."""
    limits = account.limits
    sizes = limits.message_bytes, limits.frame_bytes
    protocol = ServerProtocol(max_size=sizes, logger=_SILENT)
    try:
        api = _admit(account, api_at, target)
        request, response = _accept(protocol, head)
        connection = Connection(
            account,
            api,
            protocol,
            reader,
            writer,
            user_agent=request.headers.get("User-Agent", ""),
        )
        answer = await _connect(account, connection, request, target)
    except Refuse as refused:
        writer.write(refusal(refused.status, refused.body))
        return None
    subprotocol = _header(answer, "sec-websocket-protocol")
    if subprotocol:
        response.headers["Sec-WebSocket-Protocol"] = subprotocol
    protocol.send_response(response)
    return connection


def _admit(
    account: Account, api_at: Callable[[str], WebSocketApi | None], target: str
) -> WebSocketApi:
    """Return the API that `target` names, after checking the account's limits."""
    if len(target) > account.limits.websocket_url_chars:
        raise _refuse(414, "Request-URI Too Long")
    api = api_at(target)
    if api is None:
        raise _refuse(403, "Forbidden")
    if not account.requests.take() or not account.connects.take():
        raise _refuse(429, "Too Many Requests")
    return api


def _accept(protocol: ServerProtocol, head: bytes) -> tuple[Request, Response]:
    """The request, and the answer to send after `$connect`; RFC 6455, section 4.2.1."""
    protocol.receive_data(head)
    request = next((e for e in protocol.events_received() if isinstance(e, Request)), None)
    if request is None:
        raise _refuse(400, "Bad Request")
    response = protocol.accept(request)
    if response.status_code != 101:
        raise _refuse(response.status_code, "Bad Request")
    return request, response


async def _connect(
    account: Account, connection: Connection, request: Request, target: str
) -> dict[str, Any]:
    """Run `$connect`; return its answer if it accepts the client."""
    query = parse_qsl(urlsplit(target).query, keep_blank_values=True)
    context = connection.context("CONNECT", "$connect")
    given, source = list(request.headers.raw_items()), context["identity"]["sourceIp"]
    headers = events.passed_headers(given, source, context["domainName"])
    event = {
        "headers": events.single(headers),
        "multiValueHeaders": events.multi(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": events.multi(query) or None,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    ids = {"connectionId": connection.id, "requestId": context["requestId"]}
    try:
        answer = await account.run_route(connection.api, "$connect", event)
    except (FunctionError, TimeoutError):
        raise _refuse(502, "Internal server error", **ids) from None
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if type(status) is not int or not 200 <= status < 600:
        raise _refuse(502, "Internal server error", **ids)
    if status >= 300:
        raise Refuse(status, str(answer.get("body") or "").encode())
    return dict(answer)


def _header(answer: dict[str, Any], wanted: str) -> str | None:
    headers = answer.get("headers")
    if not isinstance(headers, dict):
        return None
    return next((str(v) for name, v in headers.items() if str(name).lower() == wanted), None)


def _refuse(status: int, text: str, **more: str) -> Refuse:
    return Refuse(status, message(status, text, **more)[2])
