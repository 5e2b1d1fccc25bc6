"""Faults on request: of the gateway itself and of @connections."""

from __future__ import annotations

import asyncio
import random

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from tests.support.gateway import Functions, Gate, fetch, manage, open_socket, running
from workbench.gateway.faults import Fault, Faults, Kind, Service

SOON_S = 10.0


async def test_nothing_strikes_a_healthy_service() -> None:
    faults = Faults()
    assert await faults.strike(Service.SQS) is None
    faults.set(Service.SQS, Fault(Kind.THROTTLE))
    assert await faults.strike(Service.SQS) is Kind.THROTTLE
    assert await faults.strike(Service.DYNAMODB) is None
    faults.heal(Service.SQS)
    assert await faults.strike(Service.SQS) is None


async def test_a_share_strikes_some_calls() -> None:
    faults = Faults(random.Random(1))
    faults.set(Service.SQS, Fault(Kind.THROTTLE, 0.3))
    struck = [await faults.strike(Service.SQS) for _ in range(1000)]
    assert 200 < struck.count(Kind.THROTTLE) < 400


async def test_a_hanging_call_is_refused_when_its_fault_ends() -> None:
    faults = Faults()
    faults.set(Service.SQS, Fault(Kind.HANG))
    call = asyncio.create_task(faults.strike(Service.SQS))
    await asyncio.sleep(0)
    faults.set(Service.REDIS, Fault(Kind.REFUSE))
    await asyncio.sleep(0)
    assert not call.done()
    faults.heal()
    assert await asyncio.wait_for(call, SOON_S) is Kind.REFUSE


@pytest.mark.parametrize(
    ("kind", "status"), [(Kind.THROTTLE, 429), (Kind.GONE, 410), (Kind.DELAY, 200)]
)
async def test_posts(kind: Kind, status: int) -> None:
    faults = Faults()
    async with running(Functions(), faults=faults) as (gateway, host):
        socket = await open_socket(host)
        (name,) = gateway.connections
        faults.set(Service.CONNECTIONS, Fault(kind, 20.0 if kind is Kind.DELAY else 1.0))
        assert (await manage("POST", host, name, b"x"))[0] == status
        faults.heal()
        assert (await manage("POST", host, name, b"y"))[0] == 200
        assert await socket.recv() == ("x" if status == 200 else "y")
        await socket.close()


async def test_a_post_that_is_cut_has_reached_its_client() -> None:
    faults = Faults()
    async with running(Functions(), faults=faults) as (gateway, host):
        socket = await open_socket(host)
        (name,) = gateway.connections
        for kind in (Kind.REFUSE, Kind.CUT):
            faults.set(Service.CONNECTIONS, Fault(kind))
            with pytest.raises(aiohttp.ClientError):
                await manage("POST", host, name, str(kind).encode())
        assert await socket.recv() == "cut"
        await socket.close()


async def test_a_gateway_that_refuses_lets_nobody_in_and_heals() -> None:
    faults = Faults()
    async with running(Functions(), faults=faults) as (_, host):
        socket = await open_socket(host)
        faults.set(Service.GATEWAY, Fault(Kind.REFUSE))
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), SOON_S)
        with pytest.raises(InvalidMessage):
            await open_socket(host)
        with pytest.raises(aiohttp.ClientError):
            await fetch(host, "/v1/things/1")
        assert (await fetch(host, "/dev/none")).status == 404, "it can be healed from there"
        faults.set(Service.GATEWAY, Fault(Kind.THROTTLE))
        assert (await fetch(host, "/v1/things/1")).status == 429
        with pytest.raises(InvalidStatus, match="429"):
            await open_socket(host)
        faults.heal()
        await (await open_socket(host)).close()


async def test_a_request_that_waits_ends_when_the_gateway_begins_to_refuse() -> None:
    """As a socket's end, this is how a polling client finds out."""
    faults, poll = Faults(), Gate()
    functions = Functions(api_handler=poll)
    async with running(functions, faults=faults) as (_, host):
        waiting = asyncio.create_task(fetch(host, "/v1/things/1"))
        await functions.called("api_handler")
        faults.set(Service.GATEWAY, Fault(Kind.REFUSE))
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(waiting, SOON_S)
        poll.open.set()
