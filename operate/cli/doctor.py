"""`tidings doctor`: what is not well, why, and what to do."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from chalicelib.kernel.settings import Settings
from operate import http, proof
from operate.checks import Check
from operate.doctor import Subject, examine
from operate.doctor.subject import of_deployment, of_local_stack
from operate.tokens import NoSecret, jwt_secret, scope, sign

from . import options, say, subject
from .options import Json

_TOKEN_S = 300


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
    at = _addresses(found, url)
    who, why = _who(found, token)
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


def _who(found: subject.Subject, token: str) -> tuple[proof.Tokens | proof.Given | None, str]:
    """Whose tokens there are; None, and why, if there are none."""
    if token:
        return proof.Given(token), ""
    if found.local is not None:
        local = found.local
        issue = functools.partial(_local_token, local.url)
        return proof.Tokens(issue), ""
    try:
        settings = _settings(found)
        if settings.get("TIDINGS_JWKS_URL"):
            return None, "an issuer signs the tokens"
        name = f"{found.name}-secrets"
        value = found.client("secretsmanager").get_secret_value(SecretId=name).get("SecretString")
        return proof.Tokens(_signing(jwt_secret(value, name), scope(settings))), ""
    except (NoSecret, ValueError, BotoCoreError, ClientError) as fault:
        return None, str(fault)


async def _local_token(url: str, user: str, roles: list[str]) -> str:
    return await http.dev_token(url, user, _TOKEN_S, roles)


def _signing(key: str, wanted: Settings) -> proof.Issue:
    async def issue(user: str, roles: list[str]) -> str:
        return sign(key, user, _TOKEN_S, roles, wanted)

    return issue


def _settings(found: subject.Subject) -> dict[str, str]:
    """Those of the function that checks tokens first."""
    name = f"{found.name}-websocket_connect"
    answer = found.client("lambda").get_function_configuration(FunctionName=name)
    settings: dict[str, str] = answer.get("Environment", {}).get("Variables", {})
    return settings


def _addresses(found: subject.Subject, url: str | None) -> proof.Addresses:
    at = url or (found.local.url if found.local is not None else None)
    if at is not None:
        return proof.Addresses(at, at.replace("http", "ws", 1) + "/ws", True)
    pages = found.client("apigatewayv2").get_paginator("get_apis").paginate()
    prefix = f"{found.name}-"
    apis = {
        each["Name"].removeprefix(prefix): each
        for page in pages
        for each in page["Items"]
        if each["Name"].startswith(prefix)
    }
    stages = sorted(stage for stage, api in apis.items() if api["ProtocolType"] == "WEBSOCKET")
    if not stages or "http" not in apis:
        say.problem(f"there is no deployment {found.name} in {found.region}: see --name, --region")
        raise typer.Exit(2)
    websocket = f"{apis[stages[0]]['ApiEndpoint']}/{stages[0]}"
    return proof.Addresses(apis["http"]["ApiEndpoint"], websocket, False)
