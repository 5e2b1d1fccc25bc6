"""The HTTP API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support.gateway import Functions, Gate, RawSocket, boom, fetch, running
from workbench.gateway import HttpApi, Limits
from workbench.gateway.account import Account
from workbench.gateway.http import HttpFront

MB = 1024 * 1024


def ok(event: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": 200, "body": event["resource"]}


async def test_the_event_has_payload_format_1_0() -> None:
    """http-api-develop-integrations-lambda: payload format version 1.0."""
    functions = Functions(api_handler=ok)
    async with running(functions) as (_, host):
        socket = await RawSocket.open(host)
        headers = {"X-Two": "a", "x-two": "b", "User-Agent": "raw", "Cookie": "a=1; b=2"}
        status, _ = await socket.request("GET", "/v1/things/a%20b?q=1&q=2&e=", headers)
        assert status == 200
        event = await functions.called("api_handler")
        assert event["version"] == "1.0"
        assert (event["httpMethod"], event["resource"]) == ("GET", "/v1/things/{id}")
        assert event["pathParameters"] == {"id": "a b"}
        assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"], "e": [""]}
        assert set(event["queryStringParameters"]) == {"q", "e"}
        assert event["multiValueHeaders"]["x-two"] == ["a", "b"]
        passed = event["headers"]
        assert passed["cookie"] == "a=1; b=2"
        assert passed["x-forwarded-for"] == "127.0.0.1"
        assert (passed["x-forwarded-port"], passed["x-forwarded-proto"]) == ("443", "https")
        assert passed["x-amzn-trace-id"].startswith("Root=1-")
        assert passed["host"] == event["requestContext"]["domainName"]
        assert "cookies" not in event
        assert (event["body"], event["isBase64Encoded"]) == (None, False)
        context = event["requestContext"]
        assert context["resourcePath"] == "/v1/things/{id}"
        assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "raw"}
        socket.drop()


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b'{"a":1}', False),
        ("application/json; charset=utf-8", b"{}", False),
        ("application/problem+json", b"{}", False),
        ("text/plain;charset=UTF-8", "ä".encode(), False),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("application/octet-stream", b"text", True),
        ("text/plain", b"\xff\xfe", True),
    ],
)
async def test_the_content_type_decides_about_base64(
    content_type: str, body: bytes, encoded: bool
) -> None:
    """aws.amazon.com/blogs/compute/handling-binary-data-using-amazon-api-gateway-http-apis."""
    functions = Functions()
    async with running(functions) as (_, host):
        headers = {"Content-Type": content_type}
        await fetch(host, "/v1/things", "POST", data=body, headers=headers)
        event = await functions.called("api_handler")
        assert event["isBase64Encoded"] is encoded
        text = base64.b64encode(body).decode() if encoded else body.decode()
        assert event["body"] == text


async def test_a_base64_answer_is_decoded() -> None:
    """http-api-develop-integrations-lambda: isBase64Encoded in the answer."""
    answer = {"statusCode": 200, "body": base64.b64encode(b"\0\xff").decode()}
    functions = Functions(api_handler=lambda _: {**answer, "isBase64Encoded": True})
    async with running(functions) as (_, host):
        assert (await fetch(host, "/v1/things/1")).body == b"\0\xff"


async def test_each_of_several_values_is_a_header_of_its_own() -> None:
    """http-api-develop-integrations-lambda: multiValueHeaders; cookies must not be joined."""
    answer = {
        "statusCode": 201,
        "headers": {"X-One": "1", "Set-Cookie": "lost=1"},
        "multiValueHeaders": {"Set-Cookie": ["a=1; Path=/", "b=2"]},
    }
    functions = Functions(api_handler=lambda _: answer)
    async with running(functions) as (_, host):
        got = await fetch(host, "/v1/things/1")
        assert got.status == 201
        assert got.headers["X-One"] == "1"
        assert got.headers.getall("Set-Cookie") == ["a=1; Path=/", "b=2"]


async def test_cors_is_the_function_s() -> None:
    """http-api-cors: with no CORS configuration OPTIONS is a route and headers pass through."""
    headers = {"Access-Control-Allow-Origin": "https://a.example"}
    functions = Functions(api_handler=lambda _: {"statusCode": 204, "headers": headers})
    async with running(functions) as (_, host):
        got = await fetch(host, "/v1/things", "OPTIONS", headers={"Origin": "o"})
        assert got.status == 204
        assert got.headers["Access-Control-Allow-Origin"] == "https://a.example"
        got = await fetch(host, "/v1/things/1", "OPTIONS")
        assert got.status == 404
        assert "Access-Control-Allow-Origin" not in got.headers


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text",
        {"body": "x"},
        {"statusCode": "x"},
        {"statusCode": 7},
        {"statusCode": 200, "headers": "x"},
        {"statusCode": 200, "headers": {"X": "a\r\nY: b"}},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
    ],
)
async def test_a_malformed_answer_is_a_500(answer: Any) -> None:
    """http-api-develop-integrations-lambda: the response format of version 1.0."""
    functions = Functions(api_handler=lambda _: answer)
    async with running(functions) as (_, host):
        assert (await fetch(host, "/v1/things/1")).error == (500, "Internal Server Error")


async def test_a_raising_function_is_a_500() -> None:
    """http-api-troubleshooting-lambda."""
    async with running(Functions(api_handler=boom)) as (_, host):
        assert (await fetch(host, "/v1/things/1")).error == (500, "Internal Server Error")


async def test_a_function_has_30_seconds() -> None:
    """http-api-quotas: maximum integration timeout 30 s; then 503."""
    assert Limits().http_integration_timeout_s == 30
    limits = Limits(http_integration_timeout_s=0.05)
    functions = Functions(api_handler=Gate())
    async with running(functions, limits=limits) as (_, host):
        assert (await fetch(host, "/v1/things/1")).error == (503, "Service Unavailable")


async def test_a_body_has_10_mb() -> None:
    """http-api-quotas: payload size 10 MB."""
    functions = Functions()
    async with running(functions) as (_, host):
        text = {"content-type": "text/plain"}
        for size in (6 * MB, 10 * MB):
            got = await fetch(host, "/v1/things", "POST", data=b"x" * size, headers=text)
            assert got.error == (413, "Request Entity Too Large"), "Lambda takes no such event"
        data = b"x" * (6 * MB - 4096)
        got = await fetch(host, "/v1/things", "POST", data=data, headers=text, expect100=True)
        assert got.status == 200
        got = await fetch(host, "/v1/things", "POST", data=b"x" * (10 * MB + 1))
        assert got.error == (413, "Request Entity Too Large")
    assert len(functions.of("api_handler")) == 1


async def test_an_answer_has_6_mb() -> None:
    """gettingstarted-limits: invocation payload, request and response, 6 MB each."""
    sizes = iter((6 * MB - 4096, 6 * MB))
    functions = Functions(api_handler=lambda _: {"statusCode": 200, "body": "x" * next(sizes)})
    async with running(functions) as (_, host):
        assert (await fetch(host, "/v1/things/1")).status == 200
        assert (await fetch(host, "/v1/things/1")).error == (500, "Internal Server Error")


async def test_request_line_and_headers_have_10_240_bytes() -> None:
    """http-api-quotas: total combined size of request line and header values."""
    functions = Functions()
    line, host_value = len("GET /v1/things/1 HTTP/1.1"), len("h")
    async with running(functions) as (_, host):
        for size, status in ((10_240, 200), (10_241, 431)):
            socket = await RawSocket.open(host)
            headers = {"x-long": "x" * (size - line - host_value)}
            assert (await socket.request("GET", "/v1/things/1", headers))[0] == status
            socket.drop()
    assert len(functions.of("api_handler")) == 1


async def test_requests_have_a_rate() -> None:
    """limits: 10,000 requests per second and account; above it 429."""
    limits = Limits(requests_per_s=1)
    async with running(Functions(), limits=limits) as (_, host):
        answers = [await fetch(host, "/v1/things/1") for _ in range(3)]
        assert (429, "Too Many Requests") in [got.error for got in answers if got.body]


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/a/b", ("/a/b", {})),
        ("GET", "/a/b/", ("/a/b", {})),
        ("GET", "/a/c", ("/a/{x}", {"x": "c"})),
        ("GET", "/s", ("/s", {})),
        ("GET", "/s/", ("/s", {})),
        ("POST", "/a/b", ("/a/b", {})),
        ("GET", "/a/c%2Fd/e", ("/{proxy+}", {"proxy": "a/c/d/e"})),
        ("PUT", "/a/c", None),
    ],
)
def test_the_most_specific_route_is_taken(method: str, path: str, found: Any) -> None:
    """http-api-develop-routes: full match, then variables, then greedy; ANY is any method."""
    routes = [("GET", "/{proxy+}"), ("GET", "/a/{x}"), ("ANY", "/a/b"), ("GET", "/a/b")]
    routes += [("GET", "/s/"), ("GET", "/s")]
    front = HttpFront(Account(Functions()), HttpApi(routes=routes))
    route = front.find(method, path)
    assert (route and (route[0].path, route[1])) == found


async def test_a_route_may_have_a_function_of_its_own() -> None:
    """http-api-develop-routes: an integration belongs to a route."""
    functions = Functions()
    routes = [("GET", "/v1/things/{id}"), ("POST", "/v1/things")]
    api = HttpApi(routes=routes, functions={("POST", "/v1/things"): "maker"})
    async with running(functions) as (gateway, host):
        gateway.serve([], api)
        await fetch(host, "/v1/things/1")
        await fetch(host, "/v1/things", "POST")
    assert [name for name, _ in functions.events] == ["api_handler", "maker"]


async def test_no_route_is_a_404() -> None:
    """http-api-develop-routes."""
    async with running(Functions()) as (_, host):
        for path in ("/v1/nothing", "/v1/things/", "/elsewhere"):
            assert (await fetch(host, path)).error == (404, "Not Found")


async def test_a_socket_takes_one_request_after_the_other() -> None:
    """RFC 9112, section 9.3; HEAD has no body, and the next answer is complete."""
    functions = Functions(api_handler=ok)
    async with running(functions) as (_, host):
        socket = await RawSocket.open(host)
        for _ in range(2):
            status, head = await socket.request("GET", "/v1/things/1", {})
            size = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            assert (status, await socket.reader.readexactly(size)) == (200, b"/v1/things/{id}")
        assert (await socket.request("HEAD", "/", {}))[0] == 404
        assert (await socket.request("GET", "/v1/things/1", {}))[0] == 200
        socket.drop()
