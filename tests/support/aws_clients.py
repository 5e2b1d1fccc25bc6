"""Clients of a test, on a clock that tells how long they slept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.aws.client import Client
from chalicelib.adapters.aws.services import DynamoDb
from chalicelib.adapters.http.sigv4 import Credentials
from tests.support.world import CountingIds, FakeClock

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session/token==")


class SleepingClock(FakeClock):
    """Remembers its sleeps, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        super().sleep(seconds)


@dataclass
class Maker:
    clock: SleepingClock = field(default_factory=SleepingClock)
    ids: CountingIds = field(default_factory=CountingIds)
    credentials: Callable[[], Credentials] = lambda: KEYS
    made: list[Client] = field(default_factory=list)

    def __call__(self, url: str, kind: type[Client] = DynamoDb, **more: Any) -> Any:
        self.made.append(kind("us-east-1", url, self.credentials, self.clock, self.ids, **more))
        return self.made[-1]
