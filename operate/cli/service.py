"""The service that a command talks to, as its users."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from operate.keys import Keys
from operate.tokens import read_secret, sign

from . import http

DEFAULT_URL = "http://127.0.0.1:8080"
_TOKEN_S = 300

# Gives a token of a user, for so many seconds, with these roles.
Issuer = Callable[[str, int, list[str]], Coroutine[Any, Any, str]]


@dataclass(frozen=True, slots=True)
class LocalStack:
    """What runs on this machine; whoever composes the program finds it, as the context's object.

    Attributes:
        prefix: Of the names of its tables and queues.
        keys: What its AWS APIs ask for.
    """

    url: str
    region: str
    prefix: str
    aws_endpoint_url: str
    redis_url: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class Service:
    """A service and who gives tokens for it: a stack itself, or the secret of a deployment."""

    url: str
    issue: Issuer

    @classmethod
    def of(
        cls, context: typer.Context, url: str | None, secret: str, region: str | None
    ) -> Service:
        """The one that a command's options name."""
        at = url or local_url(context)
        if not secret:
            return cls(at, functools.partial(http.dev_token, at))

        async def issue(user: str, expires_in_s: int, roles: list[str]) -> str:
            known = await asyncio.to_thread(read_secret, secret, region)
            return sign(known, user, expires_in_s, roles)

        return cls(at, issue)

    async def ask(
        self,
        user: str,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        roles: Sequence[str] = (),
    ) -> tuple[int, dict[str, Any]]:
        """(status, JSON) of a call as a user."""
        token = await self.issue(user, _TOKEN_S, list(roles))
        return await http.request(method, self.url + path, token, body)

    async def call(
        self, user: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """What a call as a user gave.

        Raises:
            HttpError: It was refused.
        """
        status, answer = await self.ask(user, method, path, body)
        if status >= 300:
            raise http.HttpError(f"refused: {http.reason(answer)}")
        return answer


def local_url(context: typer.Context) -> str:
    """Where the running local stack is, or would be."""
    local: LocalStack | None = context.obj
    return local.url if local else DEFAULT_URL
