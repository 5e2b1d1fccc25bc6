"""What the functions of a region see of services that fail on request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from workbench.gateway.faults import Fault, Faults, Kind, Service
from workbench.stack.regions.network import Network
from workbench.stack.regions.proxies import AwsProxy, RedisProxy

A, B = "us-east-1", "eu-west-1"
Lost = (HTTPClientError, NoConnection)


class Server:
    """Answers each request, and records it; HTTP, or lines of text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests: list[bytes] = []
        self.port = 0

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.requests.append(data)
            if data.startswith(b"POST"):
                body = b'{"TableNames": ["%s"]}' % self.name.encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            else:
                writer.write(b"+OK\r\n")
        writer.close()


class Aws:
    """Two regions' APIs, and a client of the first region."""

    def __init__(self, a: Server, b: Server) -> None:
        self.servers = {A: a, B: b}
        self.faults = {A: Faults(), B: Faults()}
        self.network = Network((A, B))
        ports = {region: server.port for region, server in self.servers.items()}
        self.proxy = AwsProxy(A, ports, self.faults, self.network)

    async def ask(self, service: str = "dynamodb", region: str = A) -> Any:
        operation = {"dynamodb": "list_tables", "sqs": "list_queues", "sns": "list_topics"}
        client = self._client(service, region)
        call: Callable[[], Any] = getattr(client, operation[service])
        try:
            return await asyncio.to_thread(call)
        finally:
            client.close()

    def _client(self, service: str, region: str) -> Any:
        return botocore.session.Session().create_client(
            service,
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{self.proxy.port}",
            aws_access_key_id="k",
            aws_secret_access_key="s",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=1, proxies={}),
        )


@asynccontextmanager
async def aws() -> AsyncIterator[Aws]:
    async with Server("a") as a, Server("b") as b:
        made = Aws(a, b)
        await made.proxy.start()
        try:
            yield made
        finally:
            await made.proxy.stop()


async def test_a_request_goes_to_the_region_it_is_signed_for() -> None:
    async with aws() as there:
        assert (await there.ask())["TableNames"] == ["a"]
        assert (await there.ask(region=B))["TableNames"] == ["b"]
        assert (await there.ask(region="sa-east-1"))["TableNames"] == ["a"]


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("dynamodb", "ProvisionedThroughputExceededException"),
        ("sqs", "RequestThrottled"),
        ("sns", "Throttled"),
    ],
)
async def test_each_service_throttles_in_its_own_words(service: str, code: str) -> None:
    async with aws() as there:
        there.faults[A].set(Service(service), Fault(Kind.THROTTLE))
        with pytest.raises(ClientError, match=code):
            await there.ask(service)
        other = "dynamodb" if service != "dynamodb" else "sqs"
        await there.ask(other)
        there.faults[A].heal()
        if service != "sns":  # the server's answer is no XML
            await there.ask(service)


async def test_a_refused_call_is_not_made_and_a_cut_one_is() -> None:
    async with aws() as there:
        for kind, made in ((Kind.REFUSE, 0), (Kind.HANG, 0), (Kind.CUT, 1)):
            there.faults[A].set(Service.DYNAMODB, Fault(kind))
            with pytest.raises(Lost):
                await there.ask()
            assert len(there.servers[A].requests) == made
        there.faults[A].heal()
        assert (await there.ask())["TableNames"] == ["a"]
        assert len(there.servers[A].requests) == 2, "what hung is not made later"


async def test_the_faults_of_the_other_region_strike_there() -> None:
    async with aws() as there:
        there.faults[B].set(Service.DYNAMODB, Fault(Kind.THROTTLE))
        assert (await there.ask())["TableNames"] == ["a"]
        with pytest.raises(ClientError, match="ProvisionedThroughput"):
            await there.ask(region=B)


async def test_nothing_passes_a_partition() -> None:
    async with aws() as there:
        there.network.partition(B)
        assert (await there.ask())["TableNames"] == ["a"]
        with pytest.raises(Lost):
            await there.ask(region=B)
        assert there.servers[B].requests == []
        there.network.heal(B)
        assert (await there.ask(region=B))["TableNames"] == ["b"]


@asynccontextmanager
async def redis() -> AsyncIterator[tuple[Server, Faults, RedisProxy]]:
    async with Server("redis") as server:
        faults = Faults()
        proxy = RedisProxy(server.port, faults)
        await proxy.start()
        try:
            yield server, faults, proxy
        finally:
            await proxy.stop()


async def ping(proxy: RedisProxy) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        async with asyncio.timeout(10):
            writer.write(b"PING\r\n")
            return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_redis_refuses_loses_answers_and_heals() -> None:
    async with redis() as (server, faults, proxy):
        assert await ping(proxy) == b"+OK\r\n"
        faults.set(Service.REDIS, Fault(Kind.REFUSE))
        assert await ping(proxy) == b""
        assert len(server.requests) == 1
        faults.set(Service.REDIS, Fault(Kind.CUT))
        assert await ping(proxy) == b""
        assert len(server.requests) == 2
        faults.set(Service.REDIS, Fault(Kind.DELAY, 10.0))
        assert await ping(proxy) == b"+OK\r\n"
        faults.heal()
        assert await ping(proxy) == b"+OK\r\n"


async def test_open_connections_to_redis_end_when_it_refuses() -> None:
    async with redis() as (_, faults, proxy):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"PING\r\n")
        assert await reader.readline() == b"+OK\r\n"
        faults.set(Service.REDIS, Fault(Kind.REFUSE))
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
