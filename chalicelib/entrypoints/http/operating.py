"""Endpoints for operators: drain the region that serves the request, disconnect a user."""

from __future__ import annotations

from typing import Any

from ...contract import commands
from ...kernel import times
from ...kernel.errors import Conflict, PermissionDenied
from ...model.access import Identity
from ...model.draining import Drain
from ...model.identifiers import UserId
from ...services import Services
from . import bodies
from .rest import HttpRequest, Response, json_of


def show_drain(services: Services, identity: Identity, request: HttpRequest) -> Response:
    _require_admin(identity)
    return Response(200, _view(services, services.draining.current()))


def start_drain(services: Services, identity: Identity, request: HttpRequest) -> Response:
    _require_admin(identity)
    _require_region(services, request)
    command = commands.parse(bodies.StartDrain, json_of(request) if request.body else {})
    return Response(200, _view(services, services.draining.start(command.over_s * 1000)))


def stop_drain(services: Services, identity: Identity, request: HttpRequest) -> Response:
    _require_admin(identity)
    _require_region(services, request)
    services.draining.stop()
    return Response(200, _view(services, None))


def disconnect_user(services: Services, identity: Identity, request: HttpRequest) -> Response:
    _require_admin(identity)
    ref = commands.parse(commands.UserRef, {"user_id": request.path["user_id"]})
    user_id = UserId(ref.user_id)
    command = commands.parse(bodies.Disconnect, json_of(request) if request.body else {})
    if user_id == identity.user_id and command.for_s:
        raise Conflict("for_s: you cannot refuse access to yourself; use 0")
    until_ms = services.revocations.revoke(user_id, command.for_s)
    return Response(200, {"user_id": user_id, "revoked_until": times.iso(until_ms)})


def _require_admin(identity: Identity) -> None:
    if "admin" not in identity.roles:
        raise PermissionDenied("this needs a token with the role admin")


def _require_region(services: Services, request: HttpRequest) -> None:
    """A host of several regions may have led the request to another one than was meant."""
    asked = commands.parse(bodies.DrainQuery, dict(request.query)).region
    if asked is not None and asked != services.region:
        raise Conflict(f"this is {services.region}, not {asked}: use an address of that region")


def _view(services: Services, drain: Drain | None) -> dict[str, Any]:
    return {
        "region": services.region,
        "draining": drain is not None,
        "since": times.iso(drain.started_ms) if drain is not None else None,
        "over_s": drain.over_ms // 1000 if drain is not None else None,
        "connections": services.draining.left(),
    }
