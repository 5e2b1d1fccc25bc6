"""`tidings token`: issue a token for any user."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from typing import Annotated

import typer

from .options import Json, Region, Secret, Url, User
from .service import Service

_MOST_S = 315_360_000  # ten years


class RoleName(StrEnum):
    """Roles that give a token more rights than a user has."""

    SERVICE = "service"
    ADMIN = "admin"


def token(
    context: typer.Context,
    user: User,
    expires_in: Annotated[int, typer.Option(min=1, max=_MOST_S, help="Seconds.")] = 86_400,
    role: Annotated[list[RoleName] | None, typer.Option(help="A role; repeatable.")] = None,
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Print a token for USER: from the local stack, or signed with a deployment's secret."""
    service = Service.of(context, url, secret, region)
    roles = [each.value for each in role or []]
    issued = asyncio.run(service.issue(user, expires_in, roles))
    typer.echo(json.dumps({"token": issued, "user_id": user}) if as_json else issued)
