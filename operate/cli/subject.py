"""Which deployment a command is about: the stack that runs here, or one that is named."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kernel.settings import Settings
from operate import clients, http, proof
from operate.keys import ANY
from operate.tokens import NoSecret, jwt_secret, scope, sign

from . import options, say
from .service import LocalStack

_TOKEN_S = 300
_BOUNDED = Config(connect_timeout=3, read_timeout=10, retries={"max_attempts": 3})

OfRegion = Annotated[
    str | None,
    typer.Option(
        "--region",
        parser=options.region,
        metavar="REGION",
        help="Of a deployment; without it, the stack that runs here.",
    ),
]
Name = Annotated[
    str, typer.Option("--name", help="Of the deployment: Terraform's variable `name`.")
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        "--endpoint-url", parser=options.url, metavar="URL", help="Of AWS, where it is an emulator."
    ),
]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a command is about.

    Attributes:
        local: The stack that runs here; None for a deployment.
        client: Returns a client of an AWS service.
    """

    name: str
    region: str
    local: LocalStack | None
    client: Callable[[str], Any]


def find(
    context: typer.Context, region: str | None, name: str, endpoint_url: str | None
) -> Subject:
    """What the options name, a deployment only if they say so; ends with 2 if there is nothing."""
    local: LocalStack | None = context.obj
    if endpoint_url is not None:
        at, where = endpoint_url, region or "us-east-1"
        return Subject(name, where, None, lambda service: clients.client(service, at, where, ANY))
    if region is not None:
        session = boto3.Session(region_name=region)
        return Subject(name, region, None, lambda service: _client(session, service))
    if local is not None:
        here = local
        return Subject(
            here.prefix,
            here.region,
            here,
            lambda service: clients.client(service, here.aws_endpoint_url, here.region, here.keys),
        )
    say.problem(
        "no local stack runs here: start it with `make run`, or name the --region of a deployment"
    )
    raise typer.Exit(2)


def _client(session: boto3.Session, service: str) -> Any:
    return session.client(service, config=_BOUNDED)  # type: ignore[call-overload]


def tokens(found: Subject, token: str) -> tuple[proof.Tokens | proof.Given | None, str]:
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


def _settings(found: Subject) -> dict[str, str]:
    """Those of the function that checks tokens first."""
    name = f"{found.name}-websocket_connect"
    answer = found.client("lambda").get_function_configuration(FunctionName=name)
    settings: dict[str, str] = answer.get("Environment", {}).get("Variables", {})
    return settings


def addresses(found: Subject, url: str | None) -> proof.Addresses:
    """Where it is: the one host at `url`, or its APIs' own addresses; ends with 2 without any."""
    at = url or (found.local.url if found.local is not None else None)
    if at is not None:
        return proof.Addresses(at, (at.replace("http", "ws", 1) + "/ws",), True)
    apis = found.client("apigatewayv2")
    pages = apis.get_paginator("get_apis").paginate()
    named = {each["Name"]: each for page in pages for each in page["Items"]}
    http_api = named.get(f"{found.name}-http")
    websockets = []
    for name, api in sorted(named.items()):
        stage = name.removeprefix(f"{found.name}-")
        if api["ProtocolType"] != "WEBSOCKET" or stage == name or http_api is None:
            continue
        stages = apis.get_stages(ApiId=api["ApiId"])["Items"]
        if stage in {each["StageName"] for each in stages}:  # else of a deployment `{name}-…`
            websockets.append(f"{api['ApiEndpoint']}/{stage}")
    if http_api is not None and websockets:
        return proof.Addresses(http_api["ApiEndpoint"], tuple(websockets), False)
    say.problem(f"there is no deployment {found.name} in {found.region}: see --name and --region")
    raise typer.Exit(2)
