"""The gateway's limits and errors, each with the AWS page that states it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from workbench.gateway import FunctionError, Gateway, HttpApi, Limits, WebSocketApi

Handler = Callable[[dict[str, Any]], Any]
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/execute-api/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
    "X-Amz-Date": "20260101T000000Z",
}


class Functions:
    """Scripted functions; records every event."""

    def __init__(self, **handlers: Handler) -> None:
        self.handlers = handlers
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.disconnected = asyncio.Event()

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        self.events.append((function, event))
        if function == "websocket_disconnect":
            self.disconnected.set()
        answer = self.handlers.get(function, lambda _: {"statusCode": 200})(event)
        return await answer if asyncio.iscoroutine(answer) else answer


@asynccontextmanager
async def running(functions: Functions, **options: Any) -> AsyncIterator[tuple[Gateway, str]]:
    gateway = Gateway(
        functions, [WebSocketApi()], HttpApi(routes=[("GET", "/v1/things/{id}")]), **options
    )
    port = await gateway.start()
    try:
        yield gateway, f"127.0.0.1:{port}"
    finally:
        await gateway.stop()


def echo(event: dict[str, Any]) -> Any:
    return {"statusCode": 200, "body": event["body"]}


def boom(event: dict[str, Any]) -> Any:
    raise FunctionError("ValueError", "boom")


async def test_the_socket_opens_after_connect_and_a_post_before_is_gone() -> None:
    """apigateway-how-to-call-websocket-api-connections: 410 until $connect has returned."""
    asked, release = asyncio.Event(), asyncio.Event()
    ids: list[str] = []

    async def slow(event: dict[str, Any]) -> Any:
        ids.append(event["requestContext"]["connectionId"])
        asked.set()
        await release.wait()
        return {"statusCode": 200}

    async with running(Functions(websocket_connect=slow)) as (_, host):
        opening = asyncio.create_task(_open(host))
        await asked.wait()
        assert await _post(host, ids[0], b"early") == 410
        release.set()
        socket = await opening
        assert await _post(host, ids[0], b"now") == 200
        assert await socket.recv() == "now"
        await socket.close()


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_a_refusing_connect_refuses_the_handshake(status: int) -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect."""
    functions = Functions(websocket_connect=lambda _: {"statusCode": status})
    async with running(functions) as (_, host):
        with pytest.raises(InvalidStatus) as refused:
            await _open(host)
        assert refused.value.response.status_code == status


async def test_frames_run_concurrently_and_answers_ride_the_return_body() -> None:
    """apigateway-websocket-api-route-response."""
    second = asyncio.Event()

    async def handler(event: dict[str, Any]) -> Any:
        if event["body"] == "second":
            second.set()
        await second.wait()
        return echo(event)

    async with running(Functions(websocket_message=handler)) as (_, host):
        socket = await _open(host)
        await socket.send("first")
        await socket.send("second")
        assert {await socket.recv(), await socket.recv()} == {"first", "second"}
        await socket.close()


async def test_a_raising_function_makes_the_gateway_s_own_frame() -> None:
    """apigateway-websocket-api-routes-integrations."""
    async with running(Functions(websocket_message=boom)) as (_, host):
        socket = await _open(host)
        await socket.send("x")
        frame = json.loads(await socket.recv())
        assert frame["message"] == "Internal server error"
        assert set(frame) == {"message", "connectionId", "requestId"}
        await socket.close()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("x" * (32 * 1024 + 1), 1009),
        (["x" * 30_000] * 5, 1009),
        (b"binary", 1003),
    ],
)
async def test_what_closes_a_connection(message: Any, code: int) -> None:
    """apigateway-execution-service-websocket-limits-table: frame 32 KB, message 128 KB."""
    async with running(Functions(websocket_message=echo)) as (_, host):
        socket = await _open(host)
        with pytest.raises(ConnectionClosed) as closed:
            await _send_and_receive(socket, message)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code


async def test_a_fragmented_message_is_one() -> None:
    async with running(Functions(websocket_message=echo)) as (_, host):
        socket = await _open(host)
        await socket.send(["ab", "cd"])
        assert await socket.recv() == "abcd"
        await socket.close()


@pytest.mark.parametrize("limits", [Limits(idle_s=0.05), Limits(connection_s=0.05)])
async def test_the_idle_and_the_old_are_closed(limits: Limits) -> None:
    """apigateway-execution-service-websocket-limits-table: 10 minutes idle, 2 hours in all."""
    functions = Functions()
    async with running(functions, limits=limits) as (_, host):
        socket = await _open(host)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        await asyncio.wait_for(functions.disconnected.wait(), 5)


async def test_connections_api() -> None:
    """apigateway-how-to-call-websocket-api-connections: POST, GET, DELETE; 403, 410, 413."""
    functions = Functions()
    async with running(functions) as (gateway, host):
        socket = await _open(host)
        (name,) = gateway.connections
        assert await _post(host, name, b"x", headers={}) == 403
        assert await _post(host, name, b"x" * 131_073) == 413
        assert await _post(host, "nobody=", b"x") == 410
        assert await _call("GET", host, name) == 200
        assert await _call("DELETE", host, name) == 204
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        await asyncio.wait_for(functions.disconnected.wait(), 5)
        assert await _post(host, name, b"x") == 410


async def test_too_many_requests() -> None:
    """limits: 10,000 requests per second and account; above it 429."""
    async with running(Functions(), limits=Limits(requests_per_s=2)) as (gateway, host):
        socket = await _open(host)
        (name,) = gateway.connections
        statuses = [await _post(host, name, b"x") for _ in range(4)]
        assert 429 in statuses
        await socket.close()


async def test_the_stage_takes_no_further_path() -> None:
    async with running(Functions()) as (_, host):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{host}/prod/extra")
        assert refused.value.response.status_code == 403


async def test_http_events_and_answers() -> None:
    """http-api-develop-integrations-lambda: payload format 1.0."""
    functions = Functions(api_handler=lambda e: {"statusCode": 200, "body": e["resource"]})
    async with running(functions) as (_, host), aiohttp.ClientSession() as session:
        async with session.get(f"http://{host}/v1/things/a%20b?q=1&q=2") as answer:
            assert (answer.status, await answer.text()) == (200, "/v1/things/{id}")
        event = functions.events[-1][1]
        assert event["version"] == "1.0"
        assert event["pathParameters"] == {"id": "a b"}
        assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"]}
        assert event["requestContext"]["resourcePath"] == "/v1/things/{id}"
        async with session.get(f"http://{host}/v1/nothing") as answer:
            assert answer.status == 404
        functions.handlers["api_handler"] = boom
        async with session.get(f"http://{host}/v1/things/1") as answer:
            assert answer.status == 500


async def _send_and_receive(socket: Any, message: Any) -> None:
    await socket.send(message)
    await socket.recv()


async def _open(host: str) -> Any:
    return await connect(f"ws://{host}/ws")


async def _post(host: str, name: str, body: bytes, headers: dict[str, str] = SIGNED) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{host}/prod/@connections/{name}", data=body, headers=headers) as a,
    ):
        return a.status


async def _call(method: str, host: str, name: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://{host}/prod/@connections/{name}", headers=SIGNED) as a,
    ):
        return a.status
