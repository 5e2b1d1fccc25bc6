"""@connections: POST, GET and DELETE on a live connection, signed as on AWS.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from .server import Gateway, Reply

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/,\s]+/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)"
    r"/aws4_request, ?SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{64}$"
)


def serve(gateway: Gateway, method: str, name: str, headers: dict[str, str], body: bytes) -> Reply:
    """Answer one call about connection `name` (still percent-encoded)."""
    refused = _unsigned(gateway, headers)
    if refused is not None:
        return refused
    if not gateway.requests.take():
        return _fault(429, "LimitExceededException", "Too Many Requests")
    connection = gateway.connections.get(unquote(name))
    if connection is None or not connection.ready:
        return _fault(410, "GoneException", "The connection is gone")
    if method == "POST":
        if len(body) > gateway.limits.post_bytes:
            return _fault(413, "PayloadTooLargeException", "Payload too large")
        if connection.unsent_bytes > gateway.limits.client_buffer_bytes:
            return _fault(429, "LimitExceededException", "The client does not keep up")
        connection.send(body)
        return 200, {"content-type": "application/json"}, b""
    if method == "DELETE":
        connection.close(1000, "Connection closed normally")
        return 204, {}, b""
    if method == "GET":
        answer = {
            "connectedAt": _iso(connection.connected_at_ms),
            "identity": {
                "sourceIp": connection.source_ip,
                "userAgent": connection.user_agent,
            },
            "lastActiveAt": _iso(connection.last_active_ms),
        }
        return 200, {"content-type": "application/json"}, json.dumps(answer).encode()
    return _fault(403, "ForbiddenException", "Forbidden")


def _unsigned(gateway: Gateway, headers: dict[str, str]) -> Reply | None:
    authorization = headers.get("authorization")
    if authorization is None:
        return _fault(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    match = _AUTHORIZATION.match(authorization)
    if match is None or "x-amz-date" not in headers:
        return _fault(403, "IncompleteSignatureException", "Incomplete signature")
    if match["service"] != "execute-api" or match["region"] != gateway.region:
        return _fault(403, "InvalidSignatureException", "Credential should be scoped correctly")
    return None


def _fault(status: int, kind: str, message: str) -> Reply:
    headers = {"content-type": "application/json", "x-amzn-errortype": kind}
    return status, headers, json.dumps({"message": message}).encode()


def _iso(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03d}Z"
