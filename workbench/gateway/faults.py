"""The faults that a region's services have on request, and what the next call suffers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Service(StrEnum):
    """What can have a fault of its own; `connections` is @connections."""

    GATEWAY = "gateway"
    FUNCTIONS = "functions"
    CONNECTIONS = "connections"
    DYNAMODB = "dynamodb"
    SQS = "sqs"
    SNS = "sns"
    REDIS = "redis"


class Kind(StrEnum):
    """How a call fails.

    REFUSE: the connection is closed, and nothing is done. DELAY: it is done later. THROTTLE: it
    is answered with the service's own refusal. HANG: it is neither done nor answered. CUT: it is
    done, and the connection is closed before the answer. GONE: @connections answers 410.
    """

    REFUSE = "refuse"
    DELAY = "delay"
    THROTTLE = "throttle"
    HANG = "hang"
    CUT = "cut"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a service.

    Attributes:
        value: Of a delay the milliseconds, of others the share of the calls, 0 to 1.
    """

    kind: Kind
    value: float = 1.0


class Faults:
    """The faults of one region, one for each service at most. Not thread-safe."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._faults: dict[Service, Fault] = {}
        self._rng = rng or random.Random()
        self._changed = asyncio.Event()
        self._watchers: list[Callable[[Service, Fault], None]] = []

    def __getitem__(self, service: Service) -> Fault | None:
        return self._faults.get(service)

    def all(self) -> dict[Service, Fault]:
        return dict(self._faults)

    def watch(self, watcher: Callable[[Service, Fault], None]) -> None:
        """Call it with each new fault: it may end what is under way."""
        self._watchers.append(watcher)

    def set(self, service: Service, fault: Fault) -> None:
        """Replace the service's fault."""
        self._faults[service] = fault
        self._end_waiting()
        for watcher in self._watchers:
            watcher(service, fault)

    def heal(self, service: Service | None = None) -> None:
        """Remove the service's fault, or all of them."""
        if service is None:
            self._faults.clear()
        else:
            self._faults.pop(service, None)
        self._end_waiting()

    def replace(self, faults: Mapping[Service, Fault]) -> None:
        """Have these faults and no others; what stays is not touched."""
        for service in self._faults.keys() - faults.keys():
            self.heal(service)
        for service, fault in faults.items():
            if self._faults.get(service) != fault:
                self.set(service, fault)

    async def strike(self, service: Service) -> Kind | None:
        """What the next call suffers, None for nothing.

        A delay is waited for here. So is the end of a hanging call: its fault has changed by then,
        and it is to be refused, as its caller has given up long ago.
        """
        fault = self._faults.get(service)
        if fault is None:
            return None
        if fault.kind is Kind.DELAY:
            await asyncio.sleep(fault.value / 1000)
            return None
        if self._rng.random() >= fault.value:
            return None
        if fault.kind is not Kind.HANG:
            return fault.kind
        while self._faults.get(service) is fault:
            await self._changed.wait()
        return Kind.REFUSE

    def _end_waiting(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
