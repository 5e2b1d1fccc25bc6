"""The HTTP API: routes, payload format 1.0, proxy responses. The function does CORS.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from . import events
from .account import Account
from .config import FunctionError, HttpApi
from .wire import Reply, message


@dataclass(frozen=True, slots=True)
class Route:
    """A declared route and the function that serves it."""

    method: str
    path: str
    parts: tuple[str, ...]
    function: str

    def matches(self, method: str, parts: list[str]) -> dict[str, str] | None:
        """The path parameters; None if it does not match."""
        if self.method not in (method, "ANY"):
            return None
        own, greedy = list(self.parts), self.parts[-1].endswith("+}")
        if greedy and len(parts) >= len(own):
            parts = [*parts[: len(own) - 1], "/".join(parts[len(own) - 1 :])]
        if len(own) != len(parts):
            return None
        pairs = list(zip(own, parts, strict=True))
        if not all((_is_variable(p) and given) or p == given for p, given in pairs):
            return None
        return {p[1:-1].rstrip("+"): unquote(g) for p, g in pairs if _is_variable(p)}

    @property
    def rank(self) -> tuple[bool, int, bool, bool]:
        """Sort key, most specific first: greedy last, literals before variables, ANY last."""
        variables, any_method = sum(map(_is_variable, self.parts)), self.method == "ANY"
        return self.parts[-1].endswith("+}"), variables, any_method, self.path.endswith("/")


class HttpFront:
    """One HTTP API."""

    def __init__(self, account: Account, api: HttpApi) -> None:
        self._account = account
        self._api = api
        self._routes = sorted(map(self._route, api.routes), key=lambda route: route.rank)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Find the route and the path parameters.

        A slash at the end is ignored: on AWS the edge removes it before the API sees it.
        """
        parts = path.strip("/").split("/")
        for route in self._routes:
            parameters = route.matches(method, parts)
            if parameters is not None:
                return route, parameters
        return None

    async def serve(
        self,
        found: tuple[Route, dict[str, str]],
        *,
        method: str,
        path: str,
        query: str,
        headers: list[tuple[str, str]],
        body: bytes,
        peer: str,
    ) -> Reply:
        """Answer a request for the route that `find` returned."""
        limits = self._account.limits
        if len(body) > limits.http_body_bytes:
            return message(413, "Request Entity Too Large")
        route, parameters = found
        event = events.http_event(
            self._api,
            method=method,
            resource=route.path,
            path=path,
            path_parameters=parameters,
            query=query,
            headers=headers,
            body=body,
            source_ip=peer,
            account_id=self._account.account_id,
            region=self._account.region,
        )
        if self._account.too_large(event):
            return message(413, "Request Entity Too Large")
        within_s = limits.http_integration_timeout_s
        try:
            return _reply(await self._account.invoke(route.function, event, within_s))
        except FunctionError:
            return message(500, "Internal Server Error")
        except TimeoutError:
            return message(503, "Service Unavailable")

    def _route(self, key: tuple[str, str]) -> Route:
        method, path = key
        function = self._api.functions.get(key, self._api.function)
        return Route(method, path, tuple(path.strip("/").split("/")), function)


def _is_variable(part: str) -> bool:
    return part.startswith("{") and part.endswith("}")


def _reply(answer: Any) -> Reply:
    """A proxy response; any other result is the function's error."""
    try:
        status, body = answer["statusCode"], answer.get("body") or ""
        fields = dict(answer.get("headers") or {})
        several = dict(answer.get("multiValueHeaders") or {})
        headers = [(str(name), str(value)) for name, value in fields.items() if name not in several]
        headers += [(str(name), str(each)) for name, values in several.items() for each in values]
        decode = answer.get("isBase64Encoded")
        data = base64.b64decode(body, validate=True) if decode else str(body).encode()
    except (KeyError, TypeError, ValueError, AttributeError):
        return message(500, "Internal Server Error")
    if type(status) is not int:
        return message(500, "Internal Server Error")
    return status, headers, data
