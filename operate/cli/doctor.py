"""`tidings doctor`: what is not well, why, and what to do."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Annotated

import typer
from rich.console import Console

from operate.checks import Check
from operate.doctor import Subject, examine
from operate.doctor.subject import of_deployment, of_local_stack

from . import options, say, subject
from .options import Json


def doctor(
    context: typer.Context,
    region: subject.OfRegion = None,
    name: subject.Name = "tidings",
    url: Annotated[
        str | None,
        typer.Option(
            parser=options.url,
            metavar="URL",
            envvar="TIDINGS_URL",
            help="The one host of the deployment; by default its APIs' own addresses.",
        ),
    ] = None,
    endpoint_url: subject.Endpoint = None,
    token: Annotated[
        str,
        typer.Option(envvar="TIDINGS_TOKEN", help="A user's, where an issuer signs the tokens."),
    ] = "",
    proves: Annotated[
        bool, typer.Option("--proof/--skip-proof", help="Connect, and send messages.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Examine each part and prove that messages arrive; exit code 1 if anything is not well."""
    found = subject.find(context, region, name, endpoint_url)
    if url and found.local is not None and url != found.local.url:
        raise typer.BadParameter(f"{url} is not the stack that runs here: name its --region")
    at = subject.addresses(found, url)
    who, why = subject.tokens(found, token)
    checks = asyncio.run(examine(at, who, _parts(found), proves=proves))
    if who is None and proves:
        checks.append(Check("proof", "warning", f"not made: {why}", "Give a token with --token"))
    ok = all(check.well for check in checks)
    if as_json:
        told = {"ok": ok, "region": found.region, "checks": [each.as_data() for each in checks]}
        typer.echo(json.dumps(told))
    else:
        console = Console(highlight=False)
        for check in checks:
            say.check(console, check)
    raise typer.Exit(0 if ok else 1)


def _parts(found: subject.Subject) -> Subject | None:
    """None for a stack in memory, where no other process can look."""
    client = functools.cache(found.client)
    if found.local is None:
        return of_deployment(found.name, found.region, client)
    if not found.local.aws_endpoint_url:
        return None
    return of_local_stack(found.name, found.region, client)
