"""A small deployed app through the gateway: API Gateway's control plane, Lambda, @connections."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.emulator import REGION, Emulator
from workbench.deployed.discovery import Deployment
from workbench.deployed.gateway import DeployedGateway
from workbench.stack.children import StackError, free_port

WITHIN_S = 60.0
SECRET = "s" * 40
APP = """
import json, os, boto3

def connect(event, context):
    query = event["queryStringParameters"] or {}
    return {"statusCode": 200 if query.get("token") else 401}

def message(event, context):
    where = event["requestContext"]
    posts = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=os.environ["TIDINGS_CONNECTIONS_URL"] + "/" + where["stage"],
    )
    posts.post_to_connection(ConnectionId=where["connectionId"], Data=b"posted")
    return {"statusCode": 200, "body": "answered " + event["body"]}

def http(event, context):
    body = {"path": event["path"], "resource": event["requestContext"]["resourcePath"]}
    return {"statusCode": 200, "body": json.dumps(body)}
"""


class App:
    """The app above, deployed for a gateway at a port."""

    def __init__(self, emulator: Emulator, port: int) -> None:
        variables = {
            "TIDINGS_CONNECTIONS_URL": f"http://127.0.0.1:{port}",
            "TIDINGS_JWT_SECRET": SECRET,
        }
        connects, message, http = (
            emulator.function(APP, name, Handler=f"app.{name}", variables=variables)
            for name in ("connect", "message", "http")
        )
        self.emulator = emulator
        self.websocket = emulator.websocket_api({"$connect": connects, "$default": message})
        self.http = emulator.http_api({"GET /socket.io": http, "GET /v1/rooms/{id}": http})

    def destroy(self) -> None:
        for api in (self.websocket, self.http):
            self.emulator.apis.delete_api(ApiId=api)


@asynccontextmanager
async def served(
    emulator: Emulator, port: int = 0, **options: Any
) -> AsyncIterator[DeployedGateway]:
    options = {"region": REGION, "prefix": emulator.prefix, "poll_s": 0.1, **options}
    async with (
        asyncio.timeout(WITHIN_S),
        DeployedGateway(emulator.url, port=port, **options) as gateway,
    ):
        yield gateway


async def fetch(gateway: DeployedGateway, path: str, method: str = "GET") -> tuple[int, str]:
    body = json.dumps({"user_id": "alice"}) if method == "POST" else None
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, gateway.url + path, data=body) as answer,
    ):
        return answer.status, await answer.text()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it; the test's own time ends the waiting."""
    while not await condition():
        await asyncio.sleep(0.02)


async def test_websocket_posts_http_page_and_token(emulator: Emulator) -> None:
    port = free_port()
    App(emulator, port)
    async with served(emulator, port) as gateway:
        for path in ("/ws", "/prod", "/socket.io/?transport=websocket&token=t"):
            token = "" if "?" in path else "?token=t"
            async with connect(f"ws://127.0.0.1:{port}{path}{token}") as socket:
                await socket.send("hi")
                assert {await socket.recv(), await socket.recv()} == {"posted", "answered hi"}
        with pytest.raises(InvalidStatus, match="401"):
            await connect(gateway.ws_url)
        status, body = await fetch(gateway, "/v1/rooms/r1")
        assert (status, json.loads(body)["resource"]) == (200, "/v1/rooms/{id}")
        status, body = await fetch(gateway, "/socket.io/?EIO=4&transport=polling")
        assert (status, json.loads(body)["resource"]) == (200, "/socket.io")
        assert (await fetch(gateway, "/"))[0] == 200
        status, body = await fetch(gateway, "/dev/token", "POST")
        assert (status, set(json.loads(body))) == (200, {"token"})


async def test_what_is_deployed_later_is_served_and_what_is_destroyed_is_not(
    emulator: Emulator,
) -> None:
    async with served(emulator) as gateway:
        assert (await fetch(gateway, "/v1/rooms/r1"))[0] == 404
        assert (await fetch(gateway, "/dev/token", "POST"))[0] == 503
        with pytest.raises(InvalidStatus, match="403"):
            await connect(gateway.ws_url)

        app = App(emulator, gateway.port)
        await until(lambda: _answers(gateway, 200))
        socket = await connect(f"{gateway.ws_url}?token=t")

        app.destroy()
        await until(lambda: _answers(gateway, 404))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1001
        with pytest.raises(InvalidStatus, match="403"):
            await connect(gateway.ws_url)


async def _answers(gateway: DeployedGateway, status: int) -> bool:
    return (await fetch(gateway, "/v1/rooms/r1"))[0] == status


async def test_a_key_that_is_not_known_may_be_let_in(emulator: Emulator) -> None:
    """LocalStack's functions sign with keys that nobody else knows."""
    for credentials, answer in (({"other": "key"}, "Internal server error"), (None, "posted")):
        port = free_port()
        emulator.prefix += "x"
        App(emulator, port)
        async with (
            served(emulator, port, credentials=credentials) as gateway,
            connect(f"{gateway.ws_url}?token=t") as socket,
        ):
            await socket.send("hi")
            assert answer in await socket.recv()


async def test_problems_are_told_once(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    emulator.http_api({"GET /a": "any"}, CorsConfiguration={"AllowOrigins": ["*"]})
    with caplog.at_level(logging.WARNING, "tidings.deploy"):
        async with served(emulator) as gateway:
            emulator.websocket_api({"$default": "any"})
            await until(lambda: _has_websocket(gateway))
    assert [record.getMessage().count("CORS") for record in caplog.records] == [1]


async def test_a_watcher_that_died_is_told(emulator: Emulator) -> None:
    def told(deployment: Deployment) -> None:
        if deployment.websocket_apis:
            raise RuntimeError("out of cheese")

    async with served(emulator, told=told) as gateway:
        assert gateway.dead_child() is None
        emulator.websocket_api({"$default": "any"})
        await until(lambda: _is_dead(gateway))
        assert "out of cheese" in (gateway.dead_child() or "")


async def _is_dead(gateway: DeployedGateway) -> bool:
    return gateway.dead_child() is not None


async def _has_websocket(gateway: DeployedGateway) -> bool:
    return bool(gateway.deployment.websocket_apis)


async def test_a_control_plane_that_does_not_answer() -> None:
    with pytest.raises(StackError, match="Could not connect"):
        await DeployedGateway(f"http://127.0.0.1:{free_port()}").__aenter__()


async def test_a_taken_port(emulator: Emulator) -> None:
    async with served(emulator) as gateway:
        with pytest.raises(StackError, match="taken"):
            await DeployedGateway(emulator.url, port=gateway.port).__aenter__()


@pytest.mark.parametrize(
    "url", ["", "https://apigateway.eu-west-1.amazonaws.com", "https://lambda.us-east-1.api.aws"]
)
def test_an_aws_account_is_never_served(url: str) -> None:
    """Whoever reaches the port gets anybody's token."""
    with pytest.raises(StackError, match="is not an emulator's address on this machine"):
        DeployedGateway("http://127.0.0.1:1", url) if url else DeployedGateway(url)
