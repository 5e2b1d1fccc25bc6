"""What `localstack/up` runs: the AWS APIs and Redis for deployments, on addresses that stay.

ministack serves everything alone. LocalStack 4.14 has no API Gateway v2, ElastiCache and
CloudFront: a ministack beside it serves these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType

from .children import Child, StackError, start_ministack, start_valkey
from .localstack import start_localstack

# By the names of Terraform's provider endpoints.
BESIDE_LOCALSTACK = ("apigatewayv2", "cloudfront", "elasticache")


class Emulator(StrEnum):
    LOCALSTACK = "localstack"
    MINISTACK = "ministack"


@dataclass(frozen=True)
class Ports:
    """Where each server listens; `beside` is the ministack beside a LocalStack."""

    aws: int = 4566
    beside: int = 4567
    redis: int = 6379


class Emulators:
    """A context: everything runs inside it and nothing is left after it."""

    def __init__(
        self,
        emulator: Emulator = Emulator.LOCALSTACK,
        ports: Ports | None = None,
        region: str = "us-east-1",
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.emulator = emulator
        self.ports = ports or Ports()
        self.region = region
        self._tell = tell
        self._children: list[Child] = []

    @property
    def aws_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.aws}"

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.ports.redis}/0"

    @property
    def api_urls(self) -> dict[str, str]:
        """Of the APIs that are elsewhere than at `aws_url`: Terraform's `api_endpoint_urls`."""
        if self.emulator is Emulator.MINISTACK:
            return {}
        return dict.fromkeys(BESIDE_LOCALSTACK, f"http://127.0.0.1:{self.ports.beside}")

    def __enter__(self) -> Emulators:
        try:
            self._children.append(start_valkey(self.ports.redis))
            if self.emulator is Emulator.MINISTACK:
                self._children.append(start_ministack(self.ports.aws, self.region))
            else:
                self._children.append(start_ministack(self.ports.beside, self.region))
                self._children.append(start_localstack(self.ports.aws, self._tell))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._children:
            self._children.pop().stop()

    def check(self) -> None:
        """
        Raises:
            StackError: One of the servers has died.
        """
        for child in self._children:
            if why := child.dead():
                raise StackError(why)
