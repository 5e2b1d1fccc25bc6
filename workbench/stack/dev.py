"""Who may use `/dev/…`: programs of this machine, this stack's page, and pages of named origins."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping

from workbench.gateway.server import LocalRoute
from workbench.gateway.wire import Reply

from .pages import refusal

Routes = Mapping[tuple[str, str], LocalRoute]


def guarded(routes: Routes, origins: Collection[str] = ()) -> dict[tuple[str, str], LocalRoute]:
    """The same routes, refused to all others, and answers to the preflights of `origins`."""
    every = {**routes, **{("OPTIONS", path): _allow for _, path in routes}}
    return {key: functools.partial(_serve, route, origins) for key, route in every.items()}


async def no_chaos(body: bytes, headers: dict[str, str]) -> Reply:
    """`POST /dev/chaos` of a stack whose services stand behind no proxies."""
    text = "this stack cannot fail on request: start it with tidings up --regions (or --chaos)"
    error = {"error": {"code": "conflict", "message": text}}
    return 409, {"content-type": "application/json"}, json.dumps(error).encode()


async def _serve(
    route: LocalRoute, origins: Collection[str], body: bytes, headers: dict[str, str]
) -> Reply:
    why = refusal(headers, origins)
    if why is not None:
        hint = "; tidings up --allow-origin lets them" if "origin" in headers else ""
        error = {"error": {"code": "forbidden", "message": f"{why}{hint}"}}
        return 403, {"content-type": "application/json"}, json.dumps(error).encode()
    status, given, answer = await route(body, headers)
    fields = dict(given)
    if headers.get("origin") in origins:
        fields |= {"access-control-allow-origin": headers["origin"], "vary": "Origin"}
    return status, fields, answer


async def _allow(body: bytes, headers: dict[str, str]) -> Reply:
    """What a preflight asks for, of an origin that may ask."""
    allowed = {
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "content-type",
        "access-control-max-age": "600",
    }
    return 204, allowed, b""
