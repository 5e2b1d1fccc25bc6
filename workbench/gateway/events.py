"""Events as API Gateway sends them to Lambda.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import re
import secrets
import time
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from .config import HttpApi, WebSocketApi

Pairs = Sequence[tuple[str, str]]
_TEXT = re.compile(r"text/.*|application/(?:.*\+)?(?:json|xml|javascript)")


def connection_id() -> str:
    """A connection id like AWS's: url-safe base64 that ends in '='."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def request_time(epoch_s: float) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(epoch_s))


def websocket_context(
    api: WebSocketApi,
    *,
    event_type: str,
    route: str,
    connection: str,
    connected_at_ms: int,
    source_ip: str,
    user_agent: str,
    region: str,
) -> dict[str, Any]:
    now = time.time()
    context = {
        "routeKey": route,
        "eventType": event_type,
        "extendedRequestId": secrets.token_urlsafe(11) + "=",
        "requestTime": request_time(now),
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": connected_at_ms,
        "requestTimeEpoch": int(now * 1000),
        "identity": {"sourceIp": source_ip, "userAgent": user_agent},
        "requestId": secrets.token_urlsafe(11) + "=",
        "domainName": _domain(api, region),
        "connectionId": connection,
        "apiId": api.api_id,
    }
    if event_type == "MESSAGE":
        context["messageId"] = secrets.token_urlsafe(11) + "="
    return context


def passed_headers(headers: Pairs, source: str, domain: str) -> list[tuple[str, str]]:
    """A client's headers as functions get them.

    Those of the hop are left out; `Host` is the API's; who the client is, and a trace, is added.
    https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """
    now_s = int(time.time())
    before = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    added = {
        "Host": domain,
        "X-Amzn-Trace-Id": f"Root=1-{now_s:08x}-{secrets.token_hex(12)}",
        "X-Forwarded-For": ", ".join([*before, source]),
        "X-Forwarded-Port": "443",  # the only one that API Gateway has
        "X-Forwarded-Proto": "https",
    }
    replaced = {*map(str.lower, added), "connection", "upgrade"}
    return [*((n, v) for n, v in headers if n.lower() not in replaced), *added.items()]


def http_event(
    api: HttpApi,
    *,
    method: str,
    resource: str,
    path: str,
    path_parameters: dict[str, str],
    query: str,
    headers: Pairs,
    body: bytes,
    source_ip: str,
    account_id: str,
    region: str,
) -> dict[str, Any]:
    now = time.time()
    text, encoded = _body(body, single(headers).get("content-type", ""))
    domain = _domain(api, region)
    # An HTTP API writes all names in lower case.
    passed = [(name.lower(), each) for name, each in passed_headers(headers, source_ip, domain)]
    pairs = parse_qsl(query, keep_blank_values=True)
    return {
        "version": "1.0",
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": single(passed),
        "multiValueHeaders": multi(passed),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": multi(pairs) or None,
        "pathParameters": path_parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": account_id,
            "apiId": api.api_id,
            "domainName": domain,
            "httpMethod": method,
            "identity": {
                "sourceIp": source_ip,
                "userAgent": single(headers).get("user-agent", ""),
            },
            "path": path,
            "protocol": "HTTP/1.1",
            "requestId": str(uuid.uuid4()),
            "requestTime": request_time(now),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": f"{method} {resource}",
            "resourcePath": resource,
            "stage": api.stage,
        },
        "body": text,
        "isBase64Encoded": encoded,
    }


def single(pairs: Pairs) -> dict[str, str]:
    return {name: value for name, value in pairs}


def multi(pairs: Pairs) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def _domain(api: WebSocketApi | HttpApi, region: str) -> str:
    return api.domain or f"{api.api_id}.execute-api.{region}.amazonaws.com"


def _body(body: bytes, content_type: str) -> tuple[str | None, bool]:
    """The body as text if its type is text, else in base64: for an HTTP API a form is *not* text.

    https://aws.amazon.com/blogs/compute/handling-binary-data-using-amazon-api-gateway-http-apis/
    """
    if not body:
        return None, False
    kind = content_type.partition(";")[0].strip().lower()
    if not kind or _TEXT.fullmatch(kind):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True
