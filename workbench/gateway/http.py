"""The HTTP API: routes, payload format 1.0 in, proxy responses out.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from . import events
from .config import FunctionError, HttpApi

if TYPE_CHECKING:
    from .server import Gateway, Reply


class HttpFront:
    def __init__(self, gateway: Gateway, api: HttpApi, account_id: str) -> None:
        self._gateway = gateway
        self._api = api
        self._account_id = account_id
        self._routes = [(method, path, path.strip("/").split("/")) for method, path in api.routes]

    async def serve(
        self,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
        peer: str,
    ) -> Reply:
        if len(body) > self._gateway.limits.http_body_bytes:
            return _message(413, "Request Entity Too Large")
        found = self._match(method, path)
        if found is None:
            return _message(404, "Not Found")
        resource, parameters = found
        event = events.http_event(
            self._api,
            method=method,
            resource=resource,
            path=path,
            path_parameters=parameters,
            query=query,
            headers=headers,
            body=body,
            source_ip=peer,
            account_id=self._account_id,
            region=self._gateway.region,
        )
        try:
            answer = await self._gateway.invoke(self._api.function, event)
        except FunctionError:
            return _message(500, "Internal Server Error")
        except TimeoutError:
            return _message(503, "Service Unavailable")
        return _reply(answer)

    def _match(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        parts = path.strip("/").split("/")
        for verb, resource, pattern in self._routes:
            if verb != method or len(pattern) != len(parts):
                continue
            pairs = list(zip(pattern, parts, strict=True))
            if all((_is_variable(p) and given) or p == given for p, given in pairs):
                return resource, {p[1:-1]: unquote(g) for p, g in pairs if _is_variable(p)}
        return None


def _is_variable(part: str) -> bool:
    return part.startswith("{") and part.endswith("}")


def _reply(answer: Any) -> Reply:
    """A proxy response; anything else is the function's fault."""
    if not isinstance(answer, dict) or not isinstance(answer.get("statusCode"), int):
        return _message(500, "Internal Server Error")
    headers = {str(name): str(value) for name, value in (answer.get("headers") or {}).items()}
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers[str(name)] = ",".join(map(str, values))
    body = answer.get("body") or ""
    data = base64.b64decode(body) if answer.get("isBase64Encoded") else str(body).encode()
    return answer["statusCode"], headers, data


def _message(status: int, message: str) -> Reply:
    return status, {"content-type": "application/json"}, json.dumps({"message": message}).encode()
