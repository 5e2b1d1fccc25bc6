"""Every wait is bounded, and no task or socket is left behind.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.gateway import (
    HANDSHAKE,
    ROUTES,
    WITHIN_S,
    Functions,
    Gate,
    RawSocket,
    echo,
    fetch,
    manage,
    open_socket,
    running,
)
from workbench.gateway import Gateway, HttpApi, Limits, WebSocketApi


@asynccontextmanager
async def stopped_inside(functions: Functions) -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway that the test stops; afterwards no task and no socket may be left."""
    gateway = Gateway(functions, [WebSocketApi()], HttpApi(routes=ROUTES))
    before = asyncio.all_tasks()
    port = await gateway.start()
    async with asyncio.timeout(WITHIN_S):
        yield gateway, f"127.0.0.1:{port}"
    assert gateway.connections == {}
    assert [task for task in asyncio.all_tasks() - before if "workbench" in repr(task)] == []
    async with asyncio.timeout(WITHIN_S):
        await refuses(f"127.0.0.1:{port}")


async def refuses(host: str) -> None:
    """Wait until the port refuses connections."""
    while True:
        try:
            socket = await RawSocket.open(host)
        except OSError:
            return
        socket.drop()


async def test_a_client_that_never_answers_a_close_is_cut_off() -> None:
    """API_DeleteConnection; RFC 6455, section 7.1.1: the server may close at any time."""
    functions = Functions()
    async with running(functions, limits=Limits(close_s=0.05)) as (gateway, host):
        socket = await RawSocket.upgraded(host)
        (name,) = gateway.connections
        assert (await manage("DELETE", host, name))[0] == 204
        assert await socket.close_code() == 1000
        await socket.ended()
        assert await functions.disconnected() == (1000, "Connection Closed Normally")
        assert gateway.connections == {}


async def test_a_client_that_does_not_even_read_is_cut_off() -> None:
    """limits table: the end after two hours also applies to a client that does not read."""
    functions = Functions()
    limits = Limits(connection_s=0.05, close_s=0.05)
    async with running(functions, limits=limits) as (_, host):
        socket = await RawSocket.upgraded(host)
        socket.writer.transport.pause_reading()  # type: ignore[attr-defined]
        assert (await functions.disconnected())[0] == 1001
        socket.drop()


async def test_a_client_that_closes_but_keeps_its_socket_is_cut_off() -> None:
    """RFC 6455, section 7.1.1: after both close frames the server ends the TCP connection."""
    functions = Functions()
    async with running(functions, limits=Limits(close_s=0.05)) as (_, host):
        socket = await RawSocket.upgraded(host)
        socket.frame(8, (1000).to_bytes(2, "big"))
        assert await functions.disconnected() == (1000, "")
        assert await socket.close_code() == 1000
        socket.drop()


async def test_disconnect_does_not_wait_for_running_messages() -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect: it is an event of its own."""
    gate = Gate({"statusCode": 200, "body": "too late"})
    functions = Functions(websocket_message=gate)
    async with running(functions) as (_, host):
        socket = await open_socket(host)
        await socket.send("x")
        await functions.called("websocket_message")
        await socket.close()
        await functions.disconnected()
        assert not gate.open.is_set()
        gate.open.set()


async def test_a_failing_disconnect_hurts_nobody() -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect: best effort."""
    functions = Functions(websocket_disconnect=lambda _: 1 / 0)
    async with running(functions) as (gateway, host):
        socket = await open_socket(host)
        await socket.close()
        await functions.disconnected()
        again = await open_socket(host)
        assert len(gateway.connections) == 1
        await again.close()


async def test_stop_lets_running_work_come_to_its_end() -> None:
    """The gateway's own rule: within the grace period, answers and $disconnect still happen."""
    gates = {"api_handler": Gate({"statusCode": 200, "body": "done"}), "websocket_message": Gate()}
    functions = Functions(**gates)
    async with stopped_inside(functions) as (gateway, host), aiohttp.ClientSession() as session:
        socket = await open_socket(host)
        await socket.send("x")
        request = asyncio.create_task(session.get(f"http://{host}/v1/things/1"))
        await functions.called("websocket_message")
        await functions.called("api_handler")
        stop = asyncio.create_task(gateway.stop(10))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert await functions.disconnected() == (1001, "Going away")
        for gate in gates.values():
            gate.open.set()
        async with await request as answer:
            assert (answer.status, await answer.text()) == (200, "done")
            assert answer.headers["connection"] == "close"
        await stop


async def test_stop_is_bounded_and_leaves_nothing() -> None:
    """The gateway's own rule: what outlasts the grace period is cancelled."""
    functions = Functions(api_handler=Gate(), websocket_message=Gate())
    async with stopped_inside(functions) as (gateway, host):
        deaf, half = await RawSocket.upgraded(host), await RawSocket.open(host)
        half.writer.write(b"GET /v1/thi")
        deaf.frame(1, b"x")
        request = await RawSocket.open(host)
        request.writer.write(b"GET /v1/things/1 HTTP/1.1\r\nHost: h\r\n\r\n")
        await functions.called("websocket_message")
        await functions.called("api_handler")
        began = asyncio.get_running_loop().time()
        await gateway.stop(0.2)
        assert asyncio.get_running_loop().time() - began < 5
        for socket in (deaf, half, request):
            await socket.ended()
            socket.drop()
    assert len(functions.of("websocket_disconnect")) == 1


async def test_stop_during_connect() -> None:
    """The gateway's own rule: a running $connect ends in a closed connection."""
    gate = Gate()
    functions = Functions(websocket_connect=gate)
    async with stopped_inside(functions) as (gateway, host):
        socket = await RawSocket.open(host)
        opening = asyncio.create_task(socket.request("GET", "/ws", HANDSHAKE))
        await functions.called("websocket_connect")
        stop = asyncio.create_task(gateway.stop(5))
        await refuses(host)
        gate.open.set()
        assert (await opening)[0] == 101
        assert await socket.close_code() == 1001
        socket.drop()
        await stop
    assert len(functions.of("websocket_disconnect")) == 1


async def test_idle_sockets_do_not_hold_up_stop() -> None:
    """The gateway's own rule: a keep-alive socket without a request is not running work."""
    async with stopped_inside(Functions()) as (gateway, host):
        socket = await RawSocket.open(host)
        assert (await socket.request("GET", "/nothing", {}))[0] == 404
        began = asyncio.get_running_loop().time()
        await gateway.stop(10)
        assert asyncio.get_running_loop().time() - began < 5
        await socket.ended()
        socket.drop()


async def test_a_gateway_can_start_again() -> None:
    """The gateway's own rule."""
    functions = Functions()
    gateway = Gateway(functions, [WebSocketApi()])
    for _ in range(2):
        port = await gateway.start()
        socket = await open_socket(f"127.0.0.1:{port}")
        await socket.close()
        await gateway.stop()
    assert len(functions.of("websocket_disconnect")) == 2


async def test_other_apis_take_the_place_of_the_first() -> None:
    """API_DeleteApi, API_UpdateRoute: a connection has the present routes of its API."""
    functions = Functions(websocket_message=echo)
    first, second = WebSocketApi("one", "prod", "/ws"), WebSocketApi("two", "beta", "/beta")
    changed = WebSocketApi("two", "beta", "/beta", routes={"$default": "new_message"})
    async with running(functions, first) as (gateway, host):
        gateway.serve([first, second], None)
        gone = await open_socket(host)
        async with connect(f"ws://{host}/beta") as stays:
            gateway.serve([changed], None)
            with pytest.raises(ConnectionClosed):
                await gone.recv()
            assert gone.close_code == 1001
            await stays.send("x")
            await functions.called("new_message")
        with pytest.raises(InvalidStatus, match="403"):
            await open_socket(host)
        assert (await fetch(host, "/v1/things/1")).error == (404, "Not Found")


async def test_apis_that_cannot_be_served_change_nothing() -> None:
    """The gateway's own rule."""
    async with running(Functions()) as (gateway, host):
        with pytest.raises(ValueError, match="route selection"):
            gateway.serve([WebSocketApi(route_selection_expression="$x")], None)
        await (await open_socket(host)).close()


async def test_an_invoker_s_own_fault_is_the_function_s() -> None:
    """apigateway-websocket-api-routes-integrations: an integration failed, for any reason."""

    class Broken:
        async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
            if function == "websocket_message":
                raise OSError("no Lambda there")
            return {"statusCode": 200}

    async with running(Broken()) as (_, host):
        socket = await open_socket(host)
        await socket.send("x")
        assert json.loads(await socket.recv())["message"] == "Internal server error"
        await socket.close()
