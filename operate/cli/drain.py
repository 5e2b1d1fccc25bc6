"""`tidings drain`: move all clients of a region elsewhere, or take it in again."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer
from rich.console import Console

from operate import http

from . import options, say
from .options import Json, Region, Secret, Url
from .service import Service

app = typer.Typer(
    no_args_is_help=True, help="Drain: move all clients of a region to others, and back to normal."
)

_OPERATOR = "tidings-drain"
_PATH = "/v1/admin/drain"
_MOST_S = 86_400

OfRegion = Annotated[
    str,
    typer.Argument(
        parser=options.region, metavar="REGION", help="The region; --url must reach it."
    ),
]


@app.command()
def start(
    context: typer.Context,
    of_region: OfRegion,
    over: Annotated[
        int,
        typer.Option(min=0, max=_MOST_S, help="Seconds; 0 for as fast as other regions allow."),
    ] = 0,
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Send all clients of REGION to other regions, and take no new ones; again: change the time."""
    service = Service.of(context, url, secret, region)
    path = f"{_PATH}?region={of_region}"
    _print(asyncio.run(_ask(service, "PUT", path, {"over_s": over})), as_json)


@app.command()
def stop(
    context: typer.Context,
    of_region: OfRegion,
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Take new clients in REGION again; who has left stays where they are."""
    service = Service.of(context, url, secret, region)
    _print(asyncio.run(_ask(service, "DELETE", f"{_PATH}?region={of_region}")), as_json)


@app.command()
def status(
    context: typer.Context,
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Show whether the region at --url drains, and how many connections it has."""
    service = Service.of(context, url, secret, region)
    _print(asyncio.run(_ask(service, "GET", _PATH)), as_json)


async def _ask(
    service: Service, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    status, answer = await service.ask(_OPERATOR, method, path, body, ["admin"])
    if status >= 300:
        raise http.HttpError(f"refused: {http.reason(answer)}")
    return answer


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found))
        return
    number = found["connections"]
    left = "not known" if number is None else number
    how = "takes new clients"
    if found["draining"]:
        over = f", over {found['over_s']} s" if found["over_s"] else ""
        how = f"drains since {found['since']}{over}"
    say.plain(Console(highlight=False), f"{found['region']}: {how}; connections: {left}")
