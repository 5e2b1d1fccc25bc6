"""`tidings chaos`: let services of running local regions fail, and heal them."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from operate import http
from operate.cli import options, say
from workbench.stack import running
from workbench.stack.regions.orders import ALL, FAULTS

_PATIENCE_S = 120.0
_SERVICES = "; ".join(f"{service}: {', '.join(faults)}" for service, faults in FAULTS.items())


def chaos(
    region: Annotated[
        str | None,
        typer.Argument(
            parser=options.region, metavar="REGION", help="The region; without it all are shown."
        ),
    ] = None,
    service: Annotated[str, typer.Argument(help="Which of its services.")] = ALL,
    fault: Annotated[str | None, typer.Argument(help=f"What they suffer. {_SERVICES}.")] = None,
    value: Annotated[
        float | None,
        typer.Option(help="Milliseconds of delay, lag or clock; else the share of the calls."),
    ] = None,
    jitter: Annotated[float | None, typer.Option(help="Of a lag, milliseconds.")] = None,
    peer: Annotated[
        str | None, typer.Option(help="Of replication: towards this region only.")
    ] = None,
    heal: Annotated[bool, typer.Option("--heal", help="End the faults, restart the dead.")] = False,
    url: options.Url = None,
    as_json: options.Json = False,
) -> None:
    """Let services of the local regions fail on request.

    `tidings chaos us-east-1 dynamodb throttle --value 0.5`, `tidings chaos us-east-1 all kill`,
    `tidings chaos us-east-1 --heal`. It is for stacks started with --regions or --chaos.
    """
    given = {
        "region": region,
        "service": service,
        "fault": fault,
        "value": value,
        "jitter": jitter,
        "peer": peer,
        "heal": heal or None,
    }
    order = {name: each for name, each in given.items() if each is not None}
    at, token = _control(url)
    status, answer = asyncio.run(
        http.request("POST" if region else "GET", at, token, order if region else None, _PATIENCE_S)
    )
    if "regions" not in answer:
        if status == 200:
            raise http.HttpError(f"the server at {at} is not Tidings: check the address")
        say.problem(http.reason(answer))
        raise typer.Exit(2 if status in (400, 409) else 1)
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        _tell(Console(), answer)


def _control(url: str | None) -> tuple[str, str]:
    """Where to ask, and the token for it.

    Of a stack of this checkout the control itself, which answers when all regions are dead.
    """
    if url:
        return f"{url}/dev/chaos", ""
    found = running.find(running.home())
    if found is None:
        say.problem("no local stack runs here: start one with tidings up --regions, or use --url")
        raise typer.Exit(2)
    if not found.control_url:
        say.problem("this stack cannot fail on request: start it with --regions or --chaos")
        raise typer.Exit(2)
    return f"{found.control_url}/chaos", found.control_token


def _tell(console: Console, state: dict[str, Any]) -> None:
    table = Table(box=None)
    for column in ("region", "address", "faults"):
        table.add_column(column, overflow="fold")
    for name, each in state["regions"].items():
        table.add_row(name, each["url"], ", ".join(_words(each)) or "none")
    console.print(table)
    for line in state["replication"]:
        if line["waiting"]:
            console.print(
                f"{line['waiting']} changes under way from {line['from']} to {line['to']}"
            )


def _words(region: dict[str, Any]) -> list[str]:
    words = [f"killed: {', '.join(region['killed'])}"] if region["killed"] else []
    words += [
        f"{service} {fault['fault']} {fault['value']:g}"
        for service, fault in region["faults"].items()
    ]
    words += [f"{line} to {peer}" for peer, line in region["lines"].items()]
    if region["clock_ms"]:
        words.append(f"clock {region['clock_ms']:+g} ms")
    return words
