"""The origin-choosing function of CloudFront, and the local gateway that stands in for it.

One table, requests.json, says what each request reaches: a WebSocket API, a route of the HTTP API,
or nothing. Both are held to it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.support.gateway import Functions
from tests.support.node import node
from workbench.gateway import Gateway, HttpApi
from workbench.stack.embedded import ROOT, EmbeddedStack
from workbench.stack.functions import InProcessFunctions

HERE = Path(__file__).parent
ROWS = json.loads((HERE / "requests.json").read_text())
SHARDS = sorted({row["shards"] for row in ROWS})


def table(shards: int) -> dict[str, str]:
    return {_name(row): row["reaches"] for row in ROWS if row["shards"] == shards}


def _name(row: dict[str, Any]) -> str:
    return f"{row.get('method', 'GET')} {row['target']}{' upgrade' if row.get('upgrade') else ''}"


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, str]]:
    """What `app.py` declares, and so what the HTTP API has."""
    functions = InProcessFunctions(ROOT / "app.py")
    declared = functions.http_routes()
    functions.close()
    return declared


@pytest.mark.parametrize("shards", SHARDS)
def test_the_function_at_the_edge(shards: int, routes: list[tuple[str, str]]) -> None:
    rows = [row for row in ROWS if row["shards"] == shards]
    asked = json.dumps(rows)
    run = subprocess.run(
        [node(), "decide.mjs"], cwd=HERE, input=asked, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    decisions = json.loads(run.stdout)
    targets = json.loads((HERE / "websockets.json").read_text())[str(shards)].values()
    served = {target["origin"]: target["path"] for target in targets}

    def reached(row: dict[str, Any], decision: dict[str, str]) -> str:
        if decision["origin"] == "http":
            method = row.get("method", "GET")
            return "nothing" if row.get("upgrade") else strict(routes, method, decision["path"])
        assert decision["path"] == served[decision["origin"]], "a WebSocket API has one path"
        return decision["origin"] if row.get("upgrade") else "nothing"

    found = {_name(r): reached(r, d) for r, d in zip(rows, decisions, strict=True)}
    assert found == table(shards)


@pytest.mark.parametrize("shards", SHARDS)
async def test_the_local_gateway(shards: int, routes: list[tuple[str, str]]) -> None:
    found = {}
    async with serving(shards, routes) as (url, functions), aiohttp.ClientSession() as http:
        for row in (row for row in ROWS if row["shards"] == shards):
            functions.events.clear()
            await (_upgrade if row.get("upgrade") else _request)(http, url, row)
            found[_name(row)] = _reached(functions)
    assert found == table(shards)


def strict(routes: list[tuple[str, str]], method: str, path: str) -> str:
    """The route of an HTTP API for a request: part by part, a slash at the end begins one more."""
    parts = path.split("/")
    for verb, route in routes:
        wanted = route.split("/")
        if verb == method and len(wanted) == len(parts):
            pairs = zip(wanted, parts, strict=True)
            if all(w == p or (w.startswith("{") and p) for w, p in pairs):
                return route
    return "nothing"


@asynccontextmanager
async def serving(
    shards: int, routes: list[tuple[str, str]]
) -> AsyncIterator[tuple[str, Functions]]:
    """A gateway with the local stack's APIs before functions that only record."""
    functions = Functions(websocket_disconnect=lambda event: None)
    gateway = Gateway(functions, EmbeddedStack(shards=shards)._apis(), HttpApi(routes=routes))
    port = await gateway.start()
    try:
        yield f"http://127.0.0.1:{port}", functions
    finally:
        await gateway.stop()


async def _upgrade(http: aiohttp.ClientSession, url: str, row: dict[str, Any]) -> None:
    try:
        async with http.ws_connect(url + row["target"]):
            pass
    except aiohttp.WSServerHandshakeError as refused:
        if refused.status != 403:
            raise


async def _request(http: aiohttp.ClientSession, url: str, row: dict[str, Any]) -> None:
    target = URL(url + row["target"], encoded=True)
    async with http.request(row.get("method", "GET"), target) as answer:
        assert answer.status in (200, 403, 404)


def _reached(functions: Functions) -> str:
    for event in functions.of("websocket_connect"):
        stage = event["requestContext"]["stage"]
        return "websocket-0" if stage == "prod" else stage.replace("ws-", "websocket-")
    for event in functions.of("api_handler"):
        return str(event["requestContext"]["resourcePath"])
    return "nothing"
