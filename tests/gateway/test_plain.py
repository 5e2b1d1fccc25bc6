"""Plain calls of @connections are read as h11 reads them; all others are left to it."""

from __future__ import annotations

import h11
import pytest

from tests.support.gateway import Functions, RawSocket, open_socket, running
from workbench.gateway import plain
from workbench.gateway.wire import Reply

POST = b"POST /ws/@connections/abc%3D HTTP/1.1\r\n"
HOST = b"host: localhost:8080\r\n"


def head(line: bytes = POST, *fields: bytes) -> bytes:
    return line + HOST + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


PLAIN = [
    head(POST, b"Content-Length: 12"),
    head(POST),
    head(b"DELETE /prod/%40connections/abc= HTTP/1.1\r\n", b"X-Amz-Date:20260101T000000Z"),
    head(b"GET /ws/@connections/a HTTP/1.1\r\n", b'authorization: AWS4 a="b", c=d;e'),
]
OTHERS = [
    head(b"POST /v1/rooms HTTP/1.1\r\n"),
    head(b"PUT /ws/@connections/a HTTP/1.1\r\n"),
    head(b"POST /ws/@connections/a?x=1 HTTP/1.1\r\n"),
    head(b"POST /ws/@connections/a#b HTTP/1.1\r\n"),
    head(b"POST /ws/@connections/a HTTP/1.0\r\n"),
    head(POST, b"transfer-encoding: chunked"),
    head(POST, b"Expect: 100-continue"),
    head(POST, b"connection: close"),
    head(POST, b"upgrade: websocket"),
    head(POST, b"content-length: 1", b"content-length: 2"),
    head(POST, b"content-length: 1, 1"),
    head(POST, b"content-length: -1"),
    head(POST, b"content-length: 99999999"),
    head(POST, b"host: another"),
    head(POST, b"x: a", b" folded"),
    head(POST, b"x:  two spaces"),
    head(POST, b"x: ends with a space "),
    head(POST, b"x : a"),
    head(POST, b"no colon"),
    head(POST, b"x: \x00"),
    head(POST, b"x: \xc3\xa9"),
    head(POST, b"x:"),
    POST + b"\r\n",
]


@pytest.mark.parametrize("given", PLAIN)
def test_a_plain_call_is_what_h11_makes_of_it(given: bytes) -> None:
    http = h11.Connection(h11.SERVER)
    http.receive_data(given)
    request = http.next_event()
    assert isinstance(request, h11.Request)
    call = plain.read(given)
    assert call is not None
    assert call.method == request.method.decode()
    assert call.target == request.target.decode()
    assert call.headers == [(name.decode(), value.decode()) for name, value in request.headers]
    assert call.length == int(dict(request.headers).get(b"content-length", b"0"))


@pytest.mark.parametrize("given", OTHERS)
def test_what_is_not_plain_is_left_to_h11(given: bytes) -> None:
    assert plain.read(given) is None


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    "reply",
    [
        (200, {"content-type": "application/json"}, b""),
        (204, {}, b""),
        (410, {"content-type": "application/json", "x-amzn-ErrorType": "GoneException"}, b"{}"),
    ],
)
def test_a_reply_is_one_that_h11_reads(reply: Reply, last: bool) -> None:
    status, headers, body = reply
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(plain.encode(reply, last=last))
    response = client.next_event()
    assert isinstance(response, h11.Response)
    assert response.status_code == status
    given = {name.decode(): value.decode() for name, value in response.headers}
    assert given.items() >= {name.lower(): value for name, value in dict(headers).items()}.items()
    assert (given.get("connection") == "close") == last
    if body:
        data = client.next_event()
        assert isinstance(data, h11.Data)
        assert data.data == body
    assert isinstance(client.next_event(), h11.EndOfMessage)


async def test_a_body_that_ends_early_ends_the_socket() -> None:
    async with running(Functions()) as (gateway, host):
        socket = await open_socket(host)
        (name,) = gateway.connections
        raw = await RawSocket.open(host)
        line = f"POST /prod/@connections/{name} HTTP/1.1\r\n".encode()
        raw.writer.write(head(line, b"content-length: 9") + b"short")
        raw.writer.write_eof()
        assert await raw.reader.read() == b""
        await socket.close()
