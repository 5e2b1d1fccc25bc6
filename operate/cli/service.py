"""The service that a command calls, on behalf of users."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from operate import http
from operate.keys import Keys
from operate.tokens import read_secret, scope, sign

DEFAULT_URL = "http://127.0.0.1:8080"
_TOKEN_S = 300

# Returns a token for a user, valid for so many seconds, with these roles.
Issuer = Callable[[str, int, list[str]], Coroutine[Any, Any, str]]


@dataclass(frozen=True, slots=True)
class LocalStack:
    """The local stack on this machine; the program puts it into the commands' context.

    Attributes:
        prefix: The prefix of its tables' and queues' names.
        aws_endpoint_url, redis_url: "" if it keeps all in its memory.
        keys: The keys its AWS APIs accept.
        log_files: Where its regions write their lines.
    """

    url: str
    region: str
    prefix: str
    aws_endpoint_url: str
    redis_url: str
    keys: Keys
    log_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A service and its source of tokens: the local stack, or a deployment's secret."""

    url: str
    issue: Issuer

    @classmethod
    def of(
        cls, context: typer.Context, url: str | None, secret: str, region: str | None
    ) -> Service:
        """The service that a command's options name."""
        at = url or local_url(context)
        if not secret:
            return cls(at, functools.partial(http.dev_token, at))

        try:
            settings = scope()
        except ValueError as fault:
            raise typer.BadParameter(str(fault)) from None

        async def issue(user: str, expires_in_s: int, roles: list[str]) -> str:
            if expires_in_s > settings.jwt_max_validity_s:
                raise typer.BadParameter(
                    f"a token is valid for at most {settings.jwt_max_validity_s} seconds, unless "
                    "the deployment and this environment set TIDINGS_JWT_MAX_VALIDITY_S"
                )
            known = await asyncio.to_thread(read_secret, secret, region)
            return sign(known, user, expires_in_s, roles, settings)

        return cls(at, issue)

    async def ask(
        self,
        user: str,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        roles: Sequence[str] = (),
    ) -> tuple[int, dict[str, Any]]:
        """Call the API as a user; return (status, JSON)."""
        token = await self.issue(user, _TOKEN_S, list(roles))
        return await http.request(method, self.url + path, token, body)

    async def call(
        self, user: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the API as a user and return its answer.

        Raises:
            HttpError: The call was rejected.
        """
        status, answer = await self.ask(user, method, path, body)
        if status >= 300:
            raise http.HttpError(f"refused: {http.reason(answer)}")
        return answer


def local_url(context: typer.Context) -> str:
    """The address of the running local stack, or its default address."""
    local: LocalStack | None = context.obj
    return local.url if local else DEFAULT_URL
