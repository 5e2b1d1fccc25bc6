"""@connections: POST, GET and DELETE on a live connection, signed as on AWS.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
https://docs.aws.amazon.com/apigatewaymanagementapi/latest/api/API_PostToConnection.html
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

from . import signatures
from .account import Account
from .connection import Connection
from .wire import Reply, message

# The form of every id that is made: `events.connection_id`. AWS documents no form.
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{15}=")


@functools.lru_cache(maxsize=4096)
def name(stage: str, path: str) -> str | None:
    """The decoded connection id in a path on the wire; None for other paths."""
    for mark in (f"/{stage}/@connections/", f"/{stage}/%40connections/"):
        if path.startswith(mark):
            return unquote(path[len(mark) :])
    return None


def serve(
    account: Account,
    connections: Mapping[str, Connection],
    connection_id: str,
    request: signatures.Request,
) -> Reply:
    """Answer one call for a connection."""
    try:
        now = datetime.now(UTC)
        signatures.verify(request, account.region, account.credentials, now)
    except signatures.Refused as fault:
        return _fault(403, fault.type, str(fault))
    if not account.requests.take():
        return _fault(429, "LimitExceededException", "Too Many Requests")
    if not WELL_FORMED.fullmatch(connection_id):
        return _fault(400, "BadRequestException", f"Invalid connectionId: {connection_id[:128]}")
    connection = connections.get(connection_id)
    if connection is None or not connection.ready:
        return _fault(410, "GoneException", "The connection is gone")
    if request.method == "POST":
        return _post(account, connection, request.body)
    if request.method == "DELETE":
        connection.close(1000, "Connection Closed Normally")
        return 204, {}, b""
    if request.method == "GET":
        return _describe(connection)
    return _fault(403, "ForbiddenException", "Forbidden")


def _post(account: Account, connection: Connection, body: bytes) -> Reply:
    if len(body) > account.limits.post_bytes:
        return _fault(413, "PayloadTooLargeException", "Payload too large")
    if connection.unsent_bytes > account.limits.client_buffer_bytes:
        return _fault(429, "LimitExceededException", "The client does not keep up")
    connection.send(body)
    return 200, {"content-type": "application/json"}, b""


def _describe(connection: Connection) -> Reply:
    """https://docs.aws.amazon.com/apigatewaymanagementapi/latest/api/API_GetConnection.html"""
    answer = {
        "connectedAt": _iso(connection.connected_at_ms),
        "identity": {"sourceIp": connection.source_ip, "userAgent": connection.user_agent},
        "lastActiveAt": _iso(connection.last_active_ms),
    }
    return 200, {"content-type": "application/json"}, json.dumps(answer).encode()


def _fault(status: int, kind: str, text: str) -> Reply:
    headers = {"content-type": "application/json", "x-amzn-ErrorType": kind}
    return status, headers, message(status, text)[2]


def _iso(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03d}Z"
