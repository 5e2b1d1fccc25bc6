"""Invalid and malicious input. RFC 6455 defines the answers; other clients must not notice."""

from __future__ import annotations

import logging
import os

import pytest

from tests.support.gateway import (
    HANDSHAKE,
    Functions,
    RawSocket,
    boom,
    echo,
    fetch,
    open_socket,
    post,
    running,
)
from workbench.gateway import Limits

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
SHORT = Limits(close_s=0.1)  # these clients never finish the closing handshake


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(TEXT, b"\xff\xfe", True)], 1007),
        ([(TEXT, b"\xc3", False), (0, b"\x28", True)], 1007),
        ([(0, b"x", True)], 1002),
        ([(TEXT, b"x", False), (TEXT, b"y", True)], 1002),
        ([(3, b"x", True)], 1002),
        ([(PING, b"x" * 126, True)], 1002),
        ([(PING, b"x", False)], 1002),
        ([(CLOSE, b"x", True)], 1002),
        ([(TEXT, b"x", False)] + [(0, b"x" * 32_768, False)] * 4, 1009),
    ],
    ids=[
        "not UTF-8",
        "not UTF-8 over two frames",
        "continuation of nothing",
        "message within a message",
        "reserved opcode",
        "long ping",
        "fragmented ping",
        "close with half a code",
        "message without an end",
    ],
)
async def test_a_wrong_frame_ends_its_connection(
    frames: list[tuple[int, bytes, bool]], code: int
) -> None:
    """RFC 6455, sections 5 and 7.4.1; limits table: 1009."""
    functions = Functions(websocket_message=echo)
    async with running(functions, limits=SHORT) as (_, host):
        good, bad = await open_socket(host), await RawSocket.upgraded(host)
        for opcode, data, fin in frames:
            bad.frame(opcode, data, fin=fin)
        assert await bad.close_code() == code
        assert (await functions.disconnected())[0] == code
        await good.send("still here")
        assert await good.recv() == "still here"
        assert len(functions.of("websocket_message")) == 1
        await good.close()
        bad.drop()


async def test_an_unmasked_frame_ends_its_connection() -> None:
    """RFC 6455, section 5.1."""
    async with running(Functions()) as (_, host):
        socket = await RawSocket.upgraded(host)
        socket.frame(TEXT, b"x", masked=False)
        assert await socket.close_code() == 1002
        socket.drop()


async def test_a_huge_frame_is_refused_by_its_head() -> None:
    """limits table: 1009, before the frame's bytes arrive."""
    async with running(Functions()) as (_, host):
        socket = await RawSocket.upgraded(host)
        socket.writer.write(bytes([0x81, 0xFF]) + (1 << 40).to_bytes(8, "big") + bytes(4))
        assert await socket.close_code() == 1009
        socket.drop()


async def test_pings_are_answered_also_within_a_message() -> None:
    """RFC 6455, section 5.5.2: functions do not see them; unsolicited pongs are ignored."""
    functions = Functions(websocket_message=echo)
    async with running(functions) as (_, host):
        socket = await RawSocket.upgraded(host)
        socket.frame(PONG, b"unasked")
        socket.frame(TEXT, b"a", fin=False)
        socket.frame(PING, b"are you there")
        assert await socket.receive() == (PONG, True, b"are you there")
        socket.frame(0, b"", fin=False)
        socket.frame(0, b"b")
        assert await socket.receive() == (TEXT, True, b"ab")
        assert len(functions.of("websocket_message")) == 1
        socket.drop()


async def test_frames_may_arrive_byte_by_byte() -> None:
    """RFC 6455, section 5.4: frames and packets are independent; characters may be split."""
    async with running(Functions(websocket_message=echo)) as (_, host):
        socket = await RawSocket.upgraded(host)
        data = "ä€😀".encode()
        for at, byte in enumerate(data):
            fin = at == len(data) - 1
            socket.frame(0 if at else TEXT, bytes([byte]), fin=fin)
            await socket.writer.drain()
        assert await socket.receive() == (TEXT, True, data)
        socket.drop()


async def test_a_client_that_vanishes_is_disconnected() -> None:
    """apigateway-websocket-api-route-keys-connect-disconnect: without any close frame."""
    functions = Functions()
    async with running(functions) as (gateway, host):
        socket = await RawSocket.upgraded(host)
        (name,) = gateway.connections
        socket.drop()
        assert await functions.disconnected() == (1006, "")
        assert await post(host, name, b"x") == 410


async def test_a_client_that_only_stops_sending_is_disconnected() -> None:
    """A half-closed TCP connection ends a WebSocket; RFC 6455, section 7.1.1."""
    functions = Functions()
    async with running(functions) as (_, host):
        socket = await RawSocket.upgraded(host)
        socket.writer.write_eof()
        assert (await functions.disconnected())[0] == 1006
        await socket.ended()
        socket.drop()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /v1/thi", b"POST /v1/things HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_socket_without_a_whole_request_is_closed(sent: bytes) -> None:
    """The gateway's own rule, so that half-open sockets do not accumulate."""
    functions = Functions()
    async with running(functions, limits=Limits(request_s=0.05)) as (_, host):
        socket = await RawSocket.open(host)
        socket.writer.write(sent)
        await socket.ended()
        socket.drop()
    assert functions.events == []


@pytest.mark.parametrize("target", ["/v1/things/1", "/ws"])
async def test_a_huge_header_reaches_no_function(target: str) -> None:
    """http-api-quotas: 10,240 bytes of request line and header values."""
    functions = Functions()
    async with running(functions) as (_, host):
        socket = await RawSocket.open(host)
        headers = {**(HANDSHAKE if target == "/ws" else {}), "Cookie": "x" * 20_000}
        assert (await socket.request("GET", target, headers))[0] == 431
        socket.drop()
        endless = await RawSocket.open(host)
        endless.writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000)
        await endless.ended()
        endless.drop()
    assert functions.events == []


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /v1/things HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/things HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
    ids=["TLS", "no target", "no host", "bad length", "bad chunk", "space in target"],
)
async def test_what_is_not_http_is_a_400(sent: bytes) -> None:
    """RFC 9112, section 2.2."""
    functions = Functions()
    async with running(functions) as (_, host):
        socket = await RawSocket.open(host)
        socket.writer.write(sent)
        assert (await socket.reader.readline()).startswith(b"HTTP/1.1 400")
        await socket.ended()
        socket.drop()
    assert functions.events == []


@pytest.mark.parametrize("target", ["/ws?%ff=%zz&a=%00", "/ws?\xff", "/prod?a=1;b=2"])
async def test_a_strange_query_is_no_fault(target: str) -> None:
    """apigateway-websocket-api-mapping-template-reference: queries reach $connect, decoded."""
    async with running(Functions()) as (_, host):
        socket = await RawSocket.open(host)
        status, _ = await socket.request("GET", target, HANDSHAKE)
        assert status in (101, 400)
        socket.drop()


async def test_random_bytes_never_hurt_others() -> None:
    """RFC 6455: any bytes after the handshake."""
    functions = Functions(websocket_message=echo)
    async with running(functions) as (_, host):
        good = await open_socket(host)
        for number in range(20):
            bad = await RawSocket.upgraded(host)
            bad.writer.write(os.urandom(200))
            bad.writer.write_eof()
            await bad.ended()
            await functions.called("websocket_disconnect", number + 1)
            bad.drop()
        await good.send("still here")
        assert await good.recv() == "still here"
        await good.close()


async def test_neither_tokens_nor_messages_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The gateway's own rule, at every level, even when everything fails."""
    caplog.set_level(logging.DEBUG)
    functions = Functions(api_handler=boom)
    async with running(functions, limits=SHORT) as (gateway, host):
        socket = await RawSocket.open(host)
        headers = {**HANDSHAKE, "Authorization": "Bearer SECRET"}
        assert (await socket.request("GET", "/ws?token=SECRET", headers))[0] == 101
        (name,) = gateway.connections
        socket.frame(TEXT, b"SECRET")
        await functions.called("websocket_message")
        assert await post(host, name, b"SECRET") == 200
        functions.handlers["websocket_message"] = boom
        socket.frame(TEXT, b"SECRET")
        await functions.called("websocket_message", 2)
        socket.frame(TEXT, b"SECRET\xff")
        headers = {"Authorization": "SECRET"}
        path = "/v1/things?token=SECRET"
        got = await fetch(host, path, "POST", data=b"SECRET", headers=headers)
        assert got.status == 500
        await functions.disconnected()
        socket.drop()
    assert "SECRET" not in caplog.text
