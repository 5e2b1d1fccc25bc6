"""`tidings status`: the health of a service in all of its regions."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.text import Text

from operate import http

from . import say
from .options import Json, Region, Secret, Url
from .service import LocalStack, Service

_ASKER = "tidings-status"


@dataclass(frozen=True, slots=True)
class RegionStatus:
    """The health of one region.

    Attributes:
        status: ok, degraded, draining or unavailable as the region reports it; "no answer"; "not
            known" if its WebSocket address does not serve its health.
        checks: Its dependencies' status, by name.
    """

    region: str
    url: str
    status: str
    checks: dict[str, str]
    version: str = ""

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
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Show the health of the service and its regions; exit code 1 unless all are ok."""
    service = Service.of(context, url, secret, region)
    local: LocalStack | None = context.obj
    here = local if local is not None and local.url == service.url else None
    found = asyncio.run(_status(service, here))
    if as_json:
        typer.echo(json.dumps({"ok": found.ok, **_as_data(found)}))
    else:
        _print(found)
    raise typer.Exit(0 if found.ok else 1)


async def _status(service: Service, here: LocalStack | None) -> Status:
    first = await _health(service.url)
    try:
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
    table = say.table("region", "address", "status", "stands on", "version")
    for each in found.regions:
        checks = ", ".join(f"{name} {check}" for name, check in each.checks.items())
        style = "green" if each.status == "ok" else "red" if not each.well else ""
        cells = (each.region, each.url, Text(each.status, style), checks, each.version)
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    console.print(table)
    if found.note:
        console.print(Text(found.note), soft_wrap=True)
    here = found.local
    if here is not None:
        stores = f"AWS APIs {here.aws_endpoint_url}, Redis {here.redis_url}"
        console.print(f"runs here: {stores if here.aws_endpoint_url else 'all in memory'}")
