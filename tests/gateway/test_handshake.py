"""The `$connect` gate.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.gateway import (
    HANDSHAKE,
    Functions,
    Gate,
    RawSocket,
    boom,
    manage,
    open_socket,
    post,
    running,
)
from workbench.gateway import Limits, WebSocketApi


async def refused_with(host: str, path: str = "/ws") -> tuple[int, bytes]:
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(host + path.removesuffix("/ws"))
    return refused.value.response.status_code, refused.value.response.body or b""


async def test_the_socket_opens_after_connect_and_until_then_it_is_gone() -> None:
    """apigateway-how-to-call-websocket-api-connections: 410 for all calls while $connect runs."""
    gate = Gate()
    functions = Functions(websocket_connect=gate)
    async with running(functions) as (_, host):
        opening = asyncio.create_task(open_socket(host))
        event = await functions.called("websocket_connect")
        name = event["requestContext"]["connectionId"]
        assert await manage("POST", host, name, b"early") == (
            410,
            "GoneException",
            {"message": "The connection is gone"},
        )
        assert (await manage("GET", host, name))[0] == 410
        assert (await manage("DELETE", host, name))[0] == 410
        gate.open.set()
        socket = await opening
        assert await post(host, name, b"now") == 200
        assert await socket.recv() == "now"
        await socket.close()


@pytest.mark.parametrize("status", [302, 400, 401, 403, 429, 500, 503])
async def test_a_refusing_connect_passes_its_status_on(status: int) -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect: without 2xx, no connection."""
    functions = Functions(websocket_connect=lambda _: {"statusCode": status, "body": "why"})
    async with running(functions) as (gateway, host):
        assert await refused_with(host) == (status, b"why")
        assert gateway.connections == {}
        assert functions.of("websocket_disconnect") == []


@pytest.mark.parametrize("answer", [None, "text", {}, {"statusCode": "no"}, {"statusCode": 99}])
async def test_a_malformed_answer_of_connect_is_a_502(answer: Any) -> None:
    """set-up-lambda-proxy-integrations: a malformed proxy response is a 502."""
    async with running(Functions(websocket_connect=lambda _: answer)) as (_, host):
        status, body = await refused_with(host)
        assert status == 502
        assert set(json.loads(body)) == {"message", "connectionId", "requestId"}


async def test_a_raising_connect_is_a_502() -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect."""
    async with running(Functions(websocket_connect=boom)) as (_, host):
        status, body = await refused_with(host)
        assert (status, json.loads(body)["message"]) == (502, "Internal server error")


async def test_a_connect_that_takes_too_long_is_a_502() -> None:
    """apigateway-execution-service-websocket-limits-table: integration timeout 29 s."""
    limits = Limits(integration_timeout_s=0.05)
    async with running(Functions(websocket_connect=Gate()), limits=limits) as (_, host):
        assert (await refused_with(host))[0] == 502


async def test_an_api_without_a_connect_route_lets_everybody_in() -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect: both routes are optional."""
    functions = Functions()
    api = WebSocketApi(routes={"$default": "websocket_message"})
    async with running(functions, api) as (_, host):
        socket = await open_socket(host)
        await socket.close()
    assert functions.events == []


@pytest.mark.parametrize(
    ("method", "changed"),
    [
        ("GET", {"Sec-WebSocket-Version": "12"}),
        ("GET", {"Sec-WebSocket-Version": None}),
        ("GET", {"Sec-WebSocket-Key": None}),
        ("GET", {"Sec-WebSocket-Key": "short"}),
        ("GET", {"Connection": "keep-alive"}),
        ("POST", {"Content-Length": "0"}),
    ],
)
async def test_a_wrong_handshake_reaches_no_function(
    method: str, changed: dict[str, str | None]
) -> None:
    """RFC 6455, section 4.2.1: the gateway itself answers malformed handshakes."""
    functions = Functions()
    headers = {n: v for n, v in {**HANDSHAKE, **changed}.items() if v is not None}
    async with running(functions) as (_, host):
        socket = await RawSocket.open(host)
        status, _ = await socket.request(method, "/ws", headers)
        assert 400 <= status < 500
        await socket.ended()
    assert functions.events == []


@pytest.mark.parametrize("path", ["/prod/extra/ws", "/other/ws"])
async def test_the_stage_takes_no_further_path(path: str) -> None:
    """apigateway-how-to-call-websocket-api: the URL ends with the stage."""
    async with running(Functions()) as (_, host):
        socket = await RawSocket.open(host)
        assert (await socket.request("GET", path, HANDSHAKE))[0] == 403
        assert (await (await RawSocket.open(host)).request("GET", "/prod", {}))[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/prod",
        "/prod/",
        "/ws",
        "/ws/",
        "/socket.io/?transport=websocket",
        "/socket.io?transport=websocket",
    ],
)
async def test_where_a_handshake_may_go(path: str) -> None:
    """apigateway-how-to-call-websocket-api: the stage; the two others are paths of the edge."""
    async with running(Functions()) as (_, host):
        socket = await RawSocket.open(host)
        assert (await socket.request("GET", path, HANDSHAKE))[0] == 101
        socket.drop()


async def test_the_connect_event_carries_headers_and_query() -> None:
    """apigateway-websocket-api-mapping-template-reference."""
    functions = Functions()
    async with running(functions) as (gateway, host):
        socket = await RawSocket.open(host)
        headers = {
            **HANDSHAKE,
            "X-Two": "a",
            "x-two": "b",
            "User-Agent": "raw",
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Proto": "http",
        }
        assert (await socket.request("GET", "/prod?a=1&a=2&b=", headers))[0] == 101
        event = await functions.called("websocket_connect")
        assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [""]}
        assert event["queryStringParameters"] == {"a": "2", "b": ""}
        passed = event["headers"]
        assert passed["User-Agent"] == "raw"
        assert passed["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1", "what is claimed comes first"
        assert (passed["X-Forwarded-Port"], passed["X-Forwarded-Proto"]) == ("443", "https")
        assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", passed["X-Amzn-Trace-Id"])
        assert passed["Host"] == event["requestContext"]["domainName"]
        assert passed["Sec-WebSocket-Version"] == "13"
        assert not {"connection", "upgrade"} & set(map(str.lower, passed)), "those of the hop"
        assert event["multiValueHeaders"] == {name: [each] for name, each in passed.items()}
        context = event["requestContext"]
        assert (context["eventType"], context["routeKey"]) == ("CONNECT", "$connect")
        assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "raw"}
        assert context["connectionId"] in gateway.connections
        assert (context["stage"], context["apiId"]) == ("prod", "local")
        socket.drop()
        await functions.disconnected()


async def test_the_function_chooses_the_subprotocol() -> None:
    """websocket-connect-route-subprotocol: from the answer's headers, otherwise none."""
    functions = Functions(
        websocket_connect=lambda _: {
            "statusCode": 200,
            "headers": {"sec-websocket-protocol": "b", "Set-Cookie": "x=1"},
        }
    )
    async with running(functions) as (_, host):
        socket = await open_socket(host, subprotocols=["a", "b"])
        assert socket.subprotocol == "b"
        assert socket.response is not None
        assert "Set-Cookie" not in socket.response.headers
        await socket.close()
        functions.handlers.clear()
        socket = await open_socket(host, subprotocols=["a", "b"])
        assert socket.subprotocol is None
        await socket.close()


async def test_no_compression_is_agreed_on() -> None:
    """API Gateway negotiates no extensions."""
    async with running(Functions()) as (_, host):
        socket = await open_socket(host, compression="deflate")
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        await socket.close()


async def test_new_connections_have_a_rate() -> None:
    """apigateway-execution-service-websocket-limits-table: 500 new connections/s, then 429."""
    assert Limits().connects_per_s == 500
    functions = Functions()
    async with running(functions, limits=Limits(connects_per_s=1)) as (_, host):
        socket = await open_socket(host)
        assert (await refused_with(host))[0] == 429
        assert len(functions.of("websocket_connect")) == 1
        await socket.close()


async def test_a_url_has_a_length() -> None:
    """apigateway-execution-service-websocket-limits-table: 4,096 characters."""
    functions = Functions()
    async with running(functions) as (_, host):
        longest = "/ws?token=" + "x" * (4096 - len("/ws?token="))
        socket = await RawSocket.open(host)
        assert (await socket.request("GET", longest, HANDSHAKE))[0] == 101
        socket.drop()
        socket = await RawSocket.open(host)
        assert (await socket.request("GET", longest + "x", HANDSHAKE))[0] == 414
        assert len(functions.of("websocket_connect")) == 1
        await functions.disconnected()


async def test_a_client_that_leaves_during_connect_is_disconnected_after_it() -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect: $disconnect is best effort."""
    gate = Gate()
    functions = Functions(websocket_connect=gate)
    async with running(functions) as (gateway, host):
        socket = await RawSocket.open(host)
        lines = "".join(f"{name}: {value}\r\n" for name, value in HANDSHAKE.items())
        socket.writer.write(f"GET /ws HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode())
        await functions.called("websocket_connect")
        socket.drop()
        gate.open.set()
        assert await functions.disconnected() == (1006, "")
        assert gateway.connections == {}


async def test_events_name_the_domain_that_the_client_called() -> None:
    """apigateway-websocket-api-mapping-template-reference: domainName; @connections is not served
    at a custom domain."""
    functions = Functions()
    async with running(functions) as (gateway, host):
        for domain in ("", "ws.example.com"):
            gateway.serve([WebSocketApi(domain=domain)], None)
            await (await open_socket(host)).close()
    names = [e["requestContext"]["domainName"] for e in functions.of("websocket_connect")]
    assert names == ["local.execute-api.us-east-1.amazonaws.com", "ws.example.com"]
