"""Where a stack's tables, queues and Redis are: in emulators, or in its process (`memory`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from typing import Any, Protocol

from operate import keys

from . import resources
from .children import Child, Unusable, free_port, start_ministack, start_valkey
from .data import Data
from .given import Given
from .regions import filters
from .regions.endpoint import ReplicaEndpoint
from .regions.stream_pumps import Source
from .sqs import Queues, SqsClient
from .table_streams import TableStreams

# Of AWS, what the product calls when it runs.
_SERVICES = ("cloudwatch", "dynamodb", "dynamodbstreams", "sqs")


class Stores(Protocol):
    """
    Attributes:
        aws_endpoint_url, redis_url: "" if no other process can reach them.
        keys: What the AWS APIs ask for.
        secret: Signs the stack's tokens.
        children: The processes that were started.
        queue_urls: By name.
    """

    aws_endpoint_url: str
    redis_url: str
    keys: keys.Keys
    secret: str
    children: dict[str, Child]
    queue_urls: dict[str, str]

    async def start(self) -> None:
        """Have them ready.

        Raises:
            StackError: One does not start.
        """

    async def create(self, definition: dict[str, Any]) -> None:
        """Make what terraform/resources.json defines."""

    def wired(self) -> contextlib.AbstractContextManager[None]:
        """Let the functions' services stand on them."""

    def queues(self) -> Queues: ...

    def streams(self) -> Source: ...

    def stop(self) -> None:
        """End the children.

        Raises:
            StackError: Data that was to be kept is lost.
        """


class Emulators:
    """Ministack and Valkey: those that are `given`, those of the environment, or children.

    Args:
        data: Keeps ministack's data and the secret; None to forget them.
    """

    def __init__(self, region: str, prefix: str, given: Given | None, data: Data | None) -> None:
        self.aws_endpoint_url = self.redis_url = self.secret = ""
        self.keys = keys.ANY
        self.children: dict[str, Child] = {}
        self.queue_urls: dict[str, str] = {}
        self._region = region
        self._prefix = prefix
        self._given = given
        self._data = data

    async def start(self) -> None:
        """See `Stores`."""
        if self._given is not None:
            self.aws_endpoint_url = self._given.aws_endpoint_url
            self.redis_url = self._given.redis_url
            self.keys, self.secret = self._given.keys, self._given.secret
        else:
            self.aws_endpoint_url = os.environ.get("AWS_ENDPOINT_URL", "")
            self.redis_url = os.environ.get("TIDINGS_REDIS_URL", "")
            self.secret = os.environ.get("TIDINGS_JWT_SECRET") or self._secret()
        if not self.aws_endpoint_url:
            self.keys = keys.make()
            await asyncio.to_thread(self._start_ministack)
        elif self._data is not None:
            raise Unusable(
                f"AWS_ENDPOINT_URL is set, so the data is in the emulator at "
                f"{self.aws_endpoint_url}, which cannot be told to keep it: unset it, or do "
                "without --persist"
            )
        if not self.redis_url:
            port = free_port()
            self.children["valkey"] = await asyncio.to_thread(start_valkey, port)
            self.redis_url = f"redis://127.0.0.1:{port}/0"

    async def create(self, definition: dict[str, Any]) -> None:
        """See `Stores`."""
        self.queue_urls = await asyncio.to_thread(
            resources.create,
            definition,
            self._prefix,
            self.aws_endpoint_url,
            self._region,
            self.keys,
            streams=() if self._has_peers else filters.patterns(self._region, several=False),
        )

    def wired(self) -> contextlib.AbstractContextManager[None]:
        """The functions find them by their environment."""
        return contextlib.nullcontext()

    def queues(self) -> SqsClient:
        return SqsClient(self.aws_endpoint_url, self._region, self.keys)

    def streams(self) -> Source:
        source = ReplicaEndpoint if self._has_peers else TableStreams
        return source(self.aws_endpoint_url, self._region, self.keys)

    def stop(self) -> None:
        """See `Stores`."""
        for child in reversed(self.children.values()):
            child.stop()
        if self._data is not None and "ministack" in self.children:
            self._data.require_written()

    @property
    def _has_peers(self) -> bool:
        return self._given is not None and self._given.has_peers

    def _secret(self) -> str:
        """With kept data the one of before, so that its tokens still hold."""
        return self._data.secret() if self._data is not None else secrets.token_hex(32)

    def _start_ministack(self) -> None:
        port = free_port()
        kept = self._data.emulator() if self._data is not None else None
        self.children["ministack"] = start_ministack(
            port, self._region, services=_SERVICES, keys=self.keys, kept=kept
        )
        self.aws_endpoint_url = f"http://127.0.0.1:{port}"
