"""What stands between a region's functions and its services, so that these can fail on request.

One proxy is in front of the AWS APIs, one in front of Redis. The first is also how a region sees
the others: a request that is signed for another region goes to that region's APIs, unless the line
to it is cut. That is how AWS itself is reached, so no code needs to know of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.gateway.faults import Fault, Faults, Kind, Service

from .network import Network

HOST = "127.0.0.1"
_CHUNK = 65_536
_HEAD_BYTES = 64 * 1024
_SCOPE = re.compile(rb"Credential=[^/\s]+/\d+/([^/\s]+)/([^/\s]+)/aws4_request")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SERVICES = {b"dynamodb": Service.DYNAMODB, b"sqs": Service.SQS, b"sns": Service.SNS}


@dataclass(eq=False)
class _Line:
    """One client's connection.

    Attributes:
        service: Of its last request.
        cut: Whether the next answer is lost, and the connection with it.
    """

    client: asyncio.StreamWriter
    service: Service | None = None
    cut: bool = False


class Proxy(ABC):
    """A listener on loopback."""

    def __init__(self, faults: Faults) -> None:
        faults.watch(self._end_lines)
        self.port = 0
        self._lines: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, 0, limit=_HEAD_BYTES)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @abstractmethod
    async def _serve(self, line: _Line, reader: asyncio.StreamReader) -> None:
        """Serve a connection until it ends; what it raises of OSError ends it, too."""

    def _end_lines(self, service: Service, fault: Fault) -> None:
        if fault.kind in (Kind.REFUSE, Kind.CUT):
            for line in list(self._lines):
                if line.service is service:
                    line.client.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        line = _Line(writer)
        self._tasks.add(task)
        self._lines.add(line)
        try:
            await self._serve(line, reader)
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # one of the sides has gone
        except asyncio.CancelledError:
            pass  # only `stop` cancels, and it waits for this task
        finally:
            self._tasks.discard(task)
            self._lines.discard(line)
            writer.transport.abort()


class RedisProxy(Proxy):
    """In front of the Redis at `port`."""

    def __init__(self, port: int, faults: Faults) -> None:
        super().__init__(faults)
        self._to = port
        self._faults = faults

    async def _serve(self, line: _Line, reader: asyncio.StreamReader) -> None:
        line.service = Service.REDIS
        answers, there = await asyncio.open_connection(HOST, self._to)
        pump = asyncio.create_task(_pump(answers, line))
        try:
            while data := await reader.read(_CHUNK):
                struck = await self._faults.strike(Service.REDIS)
                if struck is Kind.REFUSE:
                    return
                line.cut = struck is Kind.CUT
                there.write(data)
                await there.drain()
        finally:
            await _end(pump, there)


class AwsProxy(Proxy):
    """In front of the AWS APIs, as one region's functions see them.

    Args:
        ports: Of each region's emulator.
        faults: Of each region: those of the region that a request is for strike it.
    """

    def __init__(
        self, region: str, ports: Mapping[str, int], faults: Mapping[str, Faults], network: Network
    ) -> None:
        super().__init__(faults[region])
        self._region = region
        self._ports = ports
        self._faults = faults
        self._network = network

    async def _serve(self, line: _Line, reader: asyncio.StreamReader) -> None:
        async with contextlib.AsyncExitStack() as stack:
            there: dict[str, asyncio.StreamWriter] = {}
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                request = head + await reader.readexactly(int(length[1]) if length else 0)
                region, line.service = self._named(head)
                if not await self._may_pass(line, region):
                    return
                if line.service is not None:
                    struck = await self._faults[region].strike(line.service)
                    if struck is Kind.THROTTLE:
                        line.client.write(_throttled(line.service))
                        continue
                    if struck is Kind.REFUSE:
                        return
                    line.cut = struck is Kind.CUT
                if region not in there:
                    there[region] = await self._connect(region, line, stack)
                there[region].write(request)
                await there[region].drain()

    def _named(self, head: bytes) -> tuple[str, Service | None]:
        """The region and the service that a request is signed for."""
        scope = _SCOPE.search(head)
        if scope is None:
            return self._region, None
        region = scope[1].decode("latin-1")
        return region if region in self._ports else self._region, _SERVICES.get(scope[2])

    async def _may_pass(self, line: _Line, region: str) -> bool:
        """Whether the line to that region lets it through; if not, it is waited for in vain."""
        if region == self._region or self._network.joined(self._region, region):
            return True
        await self._network.until_joined(self._region, region)
        return False

    async def _connect(
        self, region: str, line: _Line, stack: contextlib.AsyncExitStack
    ) -> asyncio.StreamWriter:
        answers, there = await asyncio.open_connection(HOST, self._ports[region])
        pump = asyncio.create_task(_pump(answers, line))
        stack.push_async_callback(_end, pump, there)
        return there


async def _pump(answers: asyncio.StreamReader, line: _Line) -> None:
    """Bring the answers to the client, and end its connection when there are no more."""
    try:
        while data := await answers.read(_CHUNK):
            if line.cut:
                break
            line.client.write(data)
            await line.client.drain()
    except OSError:
        pass  # one of the sides has gone
    finally:
        line.client.transport.abort() if line.cut else line.client.close()


async def _end(pump: asyncio.Task[None], there: asyncio.StreamWriter) -> None:
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
    there.transport.abort()


def _throttled(service: Service) -> bytes:
    """The service's own refusal.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    status, kind, text = "400 Bad Request", "application/x-amz-json-1.0", "Throttled on request"
    if service is Service.SNS:
        status, kind = "429 Too Many Requests", "text/xml"
        error = f"<Type>Sender</Type><Code>Throttled</Code><Message>{text}</Message>"
        body = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode()
    else:
        name = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
        if service is Service.SQS:
            name = "com.amazonaws.sqs#RequestThrottled"
        body = json.dumps({"__type": name, "message": text}).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
