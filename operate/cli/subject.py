"""Which deployment a command is about: the stack that runs here, or one that is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import boto3
import typer
from botocore.config import Config

from operate import clients
from operate.keys import ANY

from . import options, say
from .service import LocalStack

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
