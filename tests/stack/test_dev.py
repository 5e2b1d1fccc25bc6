"""`/dev/…` through the gateway: whom it answers, and what pages of named origins may read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.support.gateway import Functions
from workbench.gateway import Gateway
from workbench.stack.dev import guarded
from workbench.stack.tokens import DevTokens

NAMED, OTHER = "http://localhost:3000", "https://evil.example"
ASK = json.dumps({"user_id": "ada"})


@asynccontextmanager
async def asking() -> AsyncIterator[tuple[aiohttp.ClientSession, str, int]]:
    routes = guarded({("POST", "/dev/token"): DevTokens("s" * 32)}, [NAMED])
    gateway = Gateway(Functions(), [], local_routes=routes)
    port = await gateway.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield session, f"http://127.0.0.1:{port}/dev/token", port
    finally:
        await gateway.stop()


@pytest.mark.parametrize(
    ("host", "origin", "status", "readable"),
    [
        ("", None, 200, None),
        ("localhost:{port}", "http://localhost:{port}", 200, None),
        ("[::1]:{port}", None, 200, None),
        ("", NAMED, 200, NAMED),
        ("", OTHER, 403, None),
        ("evil.example:{port}", None, 403, None),
        ("evil.example:{port}", "http://evil.example:{port}", 403, None),
        ("evil.example:{port}", NAMED, 403, None),
    ],
)
async def test_whom_it_gives_a_token(
    host: str, origin: str | None, status: int, readable: str | None
) -> None:
    async with asking() as (session, url, port):
        headers = {"Host": host.format(port=port)} if host else {}
        if origin:
            headers["Origin"] = origin.format(port=port)
        async with session.post(url, data=ASK, headers=headers) as answer:
            assert answer.status == status
            assert ("token" in await answer.json()) == (status == 200)
            assert answer.headers.get("Access-Control-Allow-Origin") == readable


@pytest.mark.parametrize(("origin", "status"), [(NAMED, 204), (OTHER, 403)])
async def test_a_preflight(origin: str, status: int) -> None:
    async with asking() as (session, url, _):
        asked = {"Origin": origin, "Access-Control-Request-Headers": "content-type"}
        async with session.options(url, headers=asked) as answer:
            assert answer.status == status
            allowed = answer.headers.get("Access-Control-Allow-Headers")
            assert allowed == ("content-type" if status == 204 else None)
