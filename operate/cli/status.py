"""`tidings status`: the health of a service in all of its regions."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text

from operate import http
from operate.proof import Tokens

from . import options, say, subject
from .options import Json, Secret, Url
from .service import LocalStack, Service

_ASKER = "tidings-status"


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """The health of one region.

    Attributes:
        status: ok, degraded, draining or unavailable as the region reports it; "no answer"; "not
            known" if its WebSocket address does not serve its health.
        checks: Its dependencies' status, by name.
        connections: How many are open; None where it is not known.
    """

    region: str
    url: str
    status: str
    checks: dict[str, str]
    version: str = ""
    connections: int | None = None

    @property
    def well(self) -> bool:
        return self.status in ("ok", "not known")


@dataclass(frozen=True, slots=True)
class Status:
    """The health of a service.

    Attributes:
        note: Why regions may be missing; "" when none is.
        local: What runs on this machine, if the service asked is the local stack.
    """

    url: str
    regions: tuple[RegionStatus, ...]
    note: str
    local: LocalStack | None

    @property
    def ok(self) -> bool:
        return all(region.well for region in self.regions)


def status(
    context: typer.Context,
    url: Url = None,
    secret: Secret = "",
    region: Annotated[
        str | None,
        typer.Option(
            parser=options.region,
            metavar="REGION",
            help="Of --secret; or of a deployment, which is then found by its --name.",
        ),
    ] = None,
    name: subject.Name = "tidings",
    endpoint_url: subject.Endpoint = None,
    as_json: Json = False,
) -> None:
    """Show the health of the service and its regions; exit code 1 unless all are ok."""
    if endpoint_url or (region and not secret):
        service = _deployed(context, region, name, endpoint_url, url)
    else:
        service = Service.of(context, url, secret, region)
    local: LocalStack | None = context.obj
    here = local if local is not None and local.url == service.url else None
    found = asyncio.run(_status(service, here))
    if as_json:
        typer.echo(json.dumps({"ok": found.ok, **_as_data(found)}))
    else:
        _print(found)
    raise typer.Exit(0 if found.ok else 1)


def _deployed(
    context: typer.Context, region: str | None, name: str, endpoint_url: str | None, url: str | None
) -> Service:
    """A deployment that is found by its name; its tokens are signed with its secret."""
    found = subject.find(context, region, name, endpoint_url)
    at = subject.addresses(found, url)
    who, why = subject.tokens(found, "")

    async def issue(user: str, expires_in_s: int, roles: list[str]) -> str:
        if not isinstance(who, Tokens):
            raise http.HttpError(why)
        return await who.issue(user, roles)

    return Service(at.url, issue)


async def _status(service: Service, here: LocalStack | None) -> Status:
    first = await _health(service.url)
    try:
        first = replace(first, connections=await _connections(service))
        routes = await service.call(_ASKER, "GET", "/v1/endpoint")
    except http.HttpError as fault:
        return Status(service.url, (first,), f"other regions are not known: {fault}", here)
    others = [each for each in routes["fallbacks"] if each["region"] != first.region]
    if routes["region"] != first.region:
        others.insert(0, routes)
    found = await asyncio.gather(*(_other(each["region"], each["url"]) for each in others))
    return Status(service.url, (first, *found), "", here)


async def _health(url: str) -> RegionStatus:
    answer = await http.health(url)
    return RegionStatus(
        str(answer["region"]),
        url,
        str(answer["status"]),
        {str(name): str(check) for name, check in answer["checks"].items()},
        str(answer.get("version", "")),
    )


async def _connections(service: Service) -> int | None:
    """How many are open in the region that is asked."""
    status, answer = await service.ask(_ASKER, "GET", "/v1/admin/drain", roles=["admin"])
    found: int | None = answer["connections"] if status == 200 else None
    return found


async def _other(name: str, websocket_url: str) -> RegionStatus:
    """Ask another region at its WebSocket's address, which works where one host serves all."""
    parts = urlsplit(websocket_url)
    url = f"{parts.scheme.replace('ws', 'http', 1)}://{parts.netloc}"
    try:
        return await _health(url)
    except http.UnreachableError:
        return RegionStatus(name, url, "no answer", {})
    except http.HttpError:
        return RegionStatus(name, url, "not known", {})


def _as_data(found: Status) -> dict[str, Any]:
    """Without the keys of what runs here."""
    data = asdict(found)
    if data["local"] is not None:
        del data["local"]["keys"]
    return data


def _print(found: Status) -> None:
    console = Console(highlight=False)
    table = say.table("region", "address", "status", "stands on", "connections", "version")
    for each in found.regions:
        checks = ", ".join(f"{name} {check}" for name, check in each.checks.items())
        style = "green" if each.status == "ok" else "red" if not each.well else ""
        number = "" if each.connections is None else str(each.connections)
        cells = (each.region, each.url, Text(each.status, style), checks, number, each.version)
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    console.print(table)
    if found.note:
        console.print(Text(found.note), soft_wrap=True)
    here = found.local
    if here is not None:
        stores = f"AWS APIs {here.aws_endpoint_url}, Redis {here.redis_url}"
        console.print(f"runs here: {stores if here.aws_endpoint_url else 'all in memory'}")
