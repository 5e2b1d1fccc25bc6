"""Messages and the limits of a connection.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.support.gateway import (
    Functions,
    Gate,
    RawSocket,
    boom,
    echo,
    open_socket,
    post,
    running,
)
from workbench.gateway import Limits, WebSocketApi

KB = 1024


async def exchange(socket: ClientConnection, *messages: Any) -> None:
    """Send each message after the answer to the one before."""
    for message in messages:
        await socket.send(message)
        await socket.recv()


async def test_frames_run_concurrently_and_answers_ride_the_return_body() -> None:
    """apigateway-websocket-api-route-response; each message is an invocation of its own."""
    second = asyncio.Event()

    async def handler(event: dict[str, Any]) -> Any:
        if event["body"] == "second":
            second.set()
        await second.wait()
        return echo(event)

    async with running(Functions(websocket_message=handler)) as (_, host):
        socket = await open_socket(host)
        await socket.send("first")
        await socket.send("second")
        assert {await socket.recv(), await socket.recv()} == {"first", "second"}
        await socket.close()


async def test_without_a_route_response_nothing_is_returned() -> None:
    """apigateway-websocket-api-route-response: a route without one is one-way."""
    functions = Functions(websocket_message=echo)
    async with running(functions, WebSocketApi(route_responses=("$connect",))) as (gateway, host):
        socket = await open_socket(host)
        (name,) = gateway.connections
        await socket.send("x")
        await functions.called("websocket_message")
        assert await post(host, name, b"posted") == 200
        assert await socket.recv() == "posted"
        await socket.close()


async def test_a_message_event_has_no_headers() -> None:
    """apigateway-websocket-api-mapping-template-reference: only $connect has them."""
    functions = Functions()
    async with running(functions) as (_, host):
        socket = await open_socket(host)
        await socket.send("x")
        event = await functions.called("websocket_message")
        assert set(event) == {"requestContext", "body", "isBase64Encoded"}
        assert event["requestContext"]["eventType"] == "MESSAGE"
        assert event["requestContext"]["messageId"]
        await socket.close()


@pytest.mark.parametrize(
    "handler", [boom, lambda _: None, lambda _: {"body": "x"}, lambda _: 1 / 0]
)
async def test_a_failing_function_makes_the_gateway_s_own_frame(handler: Any) -> None:
    """apigateway-websocket-api-routes-integrations: it raised, or returned no proxy response."""
    async with running(Functions(websocket_message=handler)) as (gateway, host):
        socket = await open_socket(host)
        (name,) = gateway.connections
        await socket.send("x")
        frame = json.loads(await socket.recv())
        assert frame.pop("requestId")
        assert frame == {"message": "Internal server error", "connectionId": name}
        await socket.close()


async def test_an_answer_is_a_message_of_128_kb_at_most() -> None:
    """limits table: message payload size, in bytes; AWS's answer to a larger one is assumed."""

    def long(event: Any) -> Any:
        return {"statusCode": 200, "body": "漢" * int(event["body"])}

    async with running(Functions(websocket_message=long)) as (_, host):
        socket = await open_socket(host)
        await socket.send(str(128 * 1024 // 3))
        assert len((await socket.recv()).encode()) == 131_070
        await socket.send(str(128 * 1024 // 3 + 1))
        assert json.loads(await socket.recv())["message"] == "Internal server error"
        await socket.send("1")
        assert await socket.recv() == "漢", "the connection stays"
        await socket.close()


async def test_a_function_has_29_seconds() -> None:
    """limits table: integration timeout; the connection stays."""
    assert Limits().integration_timeout_s == 29
    functions = Functions(websocket_message=Gate())
    async with running(functions, limits=Limits(integration_timeout_s=0.05)) as (_, host):
        socket = await open_socket(host)
        await socket.send("x")
        assert json.loads(await socket.recv())["message"] == "Internal server error"
        functions.handlers["websocket_message"] = echo
        await socket.send("again")
        assert await socket.recv() == "again"
        await socket.close()


@pytest.mark.parametrize(
    "message",
    ["x" * (32 * KB), ["x" * (32 * KB)] * 4],
    ids=["a frame of 32 KB", "a message of 128 KB"],
)
async def test_what_is_just_within_the_limits(message: Any) -> None:
    """limits table: frame 32 KB, message 128 KB."""
    async with running(Functions(websocket_message=echo)) as (_, host):
        socket = await open_socket(host)
        await socket.send(message)
        assert await socket.recv() == "".join(message)
        await socket.close()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("x" * (32 * KB + 1), 1009),
        (["x" * (32 * KB)] * 4 + ["x"], 1009),
        (b"binary", 1003),
        ([b"bin", b"ary"], 1003),
    ],
    ids=["frame", "message", "binary", "fragmented binary"],
)
async def test_what_closes_a_connection(message: Any, code: int) -> None:
    """limits table: 1009. apigateway-websocket-api-routes-integrations: 1003."""
    functions = Functions(websocket_message=echo)
    async with running(functions) as (_, host):
        socket = await open_socket(host)
        with pytest.raises(ConnectionClosed) as closed:
            await exchange(socket, message)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
        assert (await functions.disconnected())[0] == code
    assert functions.of("websocket_message") == []


async def test_a_fragmented_message_is_one() -> None:
    """limits table: a message of several frames is one message."""
    async with running(Functions(websocket_message=echo)) as (_, host):
        socket = await open_socket(host)
        await socket.send(["ab", "cd"])
        assert await socket.recv() == "abcd"
        await socket.close()


async def test_a_large_post_arrives_in_frames_of_32_kb() -> None:
    """limits table: the frame size applies to @connections as well."""
    async with running(Functions()) as (gateway, host):
        socket = await RawSocket.upgraded(host)
        (name,) = gateway.connections
        assert await post(host, name, b"x" * (64 * KB + 1)) == 200
        frames = [await socket.receive() for _ in range(3)]
        assert [(opcode, fin, len(data)) for opcode, fin, data in frames] == [
            (1, False, 32 * KB),
            (0, False, 32 * KB),
            (0, True, 1),
        ]
        socket.drop()


@pytest.mark.parametrize("limits", [Limits(idle_s=0.05), Limits(connection_s=0.05)])
async def test_the_idle_and_the_old_are_closed(limits: Limits) -> None:
    """limits table: 10 minutes idle, 2 hours in all."""
    assert (Limits().idle_s, Limits().connection_s) == (600, 7200)
    functions = Functions()
    async with running(functions, limits=limits) as (_, host):
        socket = await open_socket(host)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert await functions.disconnected() == (1001, "Going away")


async def test_activity_puts_the_idle_limit_off_but_not_the_duration() -> None:
    """limits table: only silence counts as idle; no connection outlives the maximal duration."""
    functions = Functions(websocket_message=echo)
    limits = Limits(idle_s=1, connection_s=2)
    async with running(functions, limits=limits) as (_, host):
        socket = await open_socket(host)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(ConnectionClosed):
            await exchange(socket, *itertools.repeat("x", 1_000_000))
        assert loop.time() - began > 1.5
        assert (await functions.disconnected())[0] == 1001


@pytest.mark.parametrize("activity", ["frame", "ping", "post"])
async def test_either_direction_is_activity(activity: str) -> None:
    """limits table: a connection is idle without traffic in either direction."""
    functions = Functions()  # which return nothing
    async with running(functions) as (gateway, host):
        socket = await open_socket(host)
        (connection,) = gateway.connections.values()
        connection.last_active_ms = 0
        if activity == "frame":
            await socket.send("x")
            await functions.called("websocket_message")
        elif activity == "ping":
            await (await socket.ping())
        else:
            assert await post(host, connection.id, b"x") == 200
        assert connection.last_active_ms > 0
        await socket.close()


async def test_too_many_messages_are_answered_by_the_gateway() -> None:
    """limits: 10,000 requests per second of all kinds together."""
    assert Limits().requests_per_s == 10_000
    functions = Functions(websocket_message=echo)
    async with running(functions, limits=Limits(requests_per_s=1)) as (_, host):
        socket = await open_socket(host)
        await socket.send("x")
        frame = json.loads(await socket.recv())
        assert frame["message"] == "Too Many Requests"
        assert set(frame) == {"message", "connectionId", "requestId"}
        assert functions.of("websocket_message") == []
        await socket.close()


@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (3000, "")])
async def test_disconnect_says_how_the_client_closed(code: int, reason: str) -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect: disconnectStatusCode, -Reason."""
    functions = Functions()
    async with running(functions) as (_, host):
        socket = await open_socket(host)
        await socket.close(code, reason)
        assert await functions.disconnected() == (code, reason)
        event = await functions.called("websocket_disconnect")
        assert event["requestContext"]["eventType"] == "DISCONNECT"
