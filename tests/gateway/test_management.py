"""@connections.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.gateway import SIGNED, Functions, RawSocket, manage, open_socket, post, running
from workbench.gateway import Limits, events, management


async def test_post() -> None:
    """API_PostToConnection: 200, 403, 410, 413."""
    async with running(Functions()) as (gateway, host):
        socket = await open_socket(host, max_size=None)
        (name,) = gateway.connections
        assert await post(host, name, b"x" * 131_072) == 200
        assert len(await socket.recv()) == 131_072
        assert (await manage("POST", host, name, b"x" * 131_073))[:2] == (
            413,
            "PayloadTooLargeException",
        )
        assert (await manage("POST", host, "AAAAAAAAAAAAAAA=", b"x"))[:2] == (410, "GoneException")
        assert await post(host, name, b"x", headers={}) == 403
        assert (await manage("PUT", host, name, b"x"))[:2] == (403, "ForbiddenException")
        await socket.close()


async def test_get_describes_a_connection() -> None:
    """API_GetConnection: connectedAt, identity, lastActiveAt."""
    async with running(Functions()) as (gateway, host):
        socket = await open_socket(host, user_agent_header="tests")
        (name,) = gateway.connections
        status, _, answer = await manage("GET", host, name)
        assert status == 200
        assert answer["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "tests"}
        connected, active = (
            datetime.fromisoformat(answer[key]) for key in ("connectedAt", "lastActiveAt")
        )
        assert connected <= active
        await socket.close()


async def test_delete_closes_and_the_connection_is_gone_at_once() -> None:
    """API_DeleteConnection."""
    functions = Functions()
    async with running(functions) as (gateway, host):
        socket = await open_socket(host)
        (name,) = gateway.connections
        assert (await manage("DELETE", host, name))[0] == 204
        assert await post(host, name, b"x") == 410
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
        assert await functions.disconnected() == (1000, "Connection Closed Normally")


async def test_a_connection_is_gone_from_its_close_on_not_from_its_end() -> None:
    """API_DeleteConnection: before a client has answered the close, it gets no more posts."""
    async with running(Functions()) as (gateway, host):
        socket = await RawSocket.upgraded(host)
        (name,) = gateway.connections
        assert (await manage("DELETE", host, name))[0] == 204
        assert list(gateway.connections) == [name]
        for method in ("POST", "GET", "DELETE"):
            assert (await manage(method, host, name, b"x"))[0] == 410
        socket.drop()


@pytest.mark.parametrize("mark", ["@connections", "%40connections"])
async def test_the_id_is_percent_encoded_on_the_wire(mark: str) -> None:
    """apigateway-how-to-call-websocket-api-connections: the id ends in `=`, sent as %3D."""
    async with running(Functions()) as (gateway, host):
        socket = await open_socket(host)
        (name,) = gateway.connections
        assert name.endswith("=")
        raw = await RawSocket.open(host)
        headers = {**SIGNED, "Content-Length": "1"}
        target = f"/prod/{mark}/{quote(name, safe='')}"
        assert (await raw.request("POST", target, headers, b"x"))[0] == 200
        assert await socket.recv() == "x"
        raw.drop()
        await socket.close()


async def test_too_many_requests() -> None:
    """limits: 10,000 requests per second and account, @connections included; above it 429."""
    async with running(Functions(), limits=Limits(requests_per_s=2)) as (gateway, host):
        socket = await open_socket(host)
        (name,) = gateway.connections
        answers = [await manage("POST", host, name, b"x") for _ in range(4)]
        assert (429, "LimitExceededException", {"message": "Too Many Requests"}) in answers
        await socket.close()


async def test_a_client_that_does_not_read_is_a_429() -> None:
    """API_PostToConnection: LimitExceededException also when the client's buffer is full."""
    limits = Limits(client_buffer_bytes=64 * 1024)
    async with running(Functions(), limits=limits) as (gateway, host):
        slow, quick = await RawSocket.upgraded(host), await open_socket(host)
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        slow_name, quick_name = gateway.connections
        for _ in range(2000):  # fills the kernel's buffers
            if await post(host, slow_name, b"x" * 131_072) != 200:
                break
        assert (await manage("POST", host, slow_name, b"x"))[:2] == (429, "LimitExceededException")
        assert await post(host, quick_name, b"x") == 200
        slow.drop()
        await quick.close()


@pytest.mark.parametrize("name", ["nobody", "nobody=", "A" * 16, "A" * 16 + "=", "a/b", "x" * 5000])
async def test_an_id_that_is_none_is_a_400(name: str) -> None:
    """A malformed id is the caller's fault; only a well-formed one can be of somebody who left."""
    async with running(Functions()) as (_, host):
        for method in ("POST", "GET", "DELETE"):
            status, kind, body = await manage(method, host, quote(name, safe=""), b"x")
            assert (status, kind) == (400, "BadRequestException")
            assert body["message"] == f"Invalid connectionId: {name[:128]}"
        assert (await manage("POST", host, quote(name, safe=""), b"x", headers={}))[0] == 403


def test_every_id_that_is_made_is_well_formed() -> None:
    assert all(management.WELL_FORMED.fullmatch(events.connection_id()) for _ in range(1000))
