"""Carries out orders to `/dev/chaos`: faults of services, of lines between regions, and kills."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from workbench.gateway.faults import Fault, Faults, Kind, Service

from . import orders
from .network import Network
from .orders import ALL, CLOCK, DEPLOY, KILL, REPLICATION, ROLLBACK, Order
from .processes import EMULATOR, PROGRAM, VALKEY

# Whose process a service is part of.
_PROCESSES = {
    Service.GATEWAY: PROGRAM,
    Service.FUNCTIONS: PROGRAM,
    Service.DYNAMODB: EMULATOR,
    Service.SQS: EMULATOR,
    Service.SNS: EMULATOR,
    Service.REDIS: VALKEY,
}


class Plant(Protocol):
    """The running regions, as far as chaos needs them."""

    async def kill(self, region: str, *processes: str) -> None:
        """SIGKILL to some of a region's processes, without names to all."""

    async def revive(self, region: str, *processes: str) -> None:
        """Start those of these that were killed again, without names all."""

    async def roll_back(self, region: str, lost_ms: float) -> None:
        """Let the region's Redis come back without what it gets in the next milliseconds."""

    async def tell(self, region: str) -> None:
        """Tell the region's program its faults, its clock's, and which functions are new."""


@dataclass(slots=True)
class Chaos:
    """What is wrong with which region.

    Attributes:
        faults: By region; the services' own, which proxies and programs apply.
        clocks_ms: How wrong the functions' clocks are, by region.
        deployed: The share of the functions that run the newest code, by region; nothing heals it.
    """

    plant: Plant
    network: Network
    faults: Mapping[str, Faults]
    clocks_ms: dict[str, float] = field(default_factory=dict)
    deployed: dict[str, float] = field(default_factory=dict)
    _one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def carry_out(self, order: Order) -> None:
        """Begin or end faults; when it returns, they have."""
        async with self._one_by_one:
            if order.fault is None:
                await self._heal(order)
            elif order.fault == KILL:
                await self.plant.kill(order.region, *_processes(order.service))
            elif order.fault in (orders.PARTITION, orders.PAUSE, orders.LAG):
                self._slow(order)
            elif order.fault == ROLLBACK:
                await self.plant.roll_back(order.region, order.value)
            elif order.fault == DEPLOY:
                self.deployed[order.region] = order.value
                await self.plant.tell(order.region)
            elif order.fault == CLOCK:
                self.clocks_ms[order.region] = order.value
                await self.plant.tell(order.region)
            else:
                fault = Fault(Kind(order.fault), order.value)
                for service in _services(order.service):
                    self.faults[order.region].set(service, fault)
                self.network.changed()
                await self.plant.tell(order.region)

    def state(self, region: str) -> dict[str, Any]:
        """What is wrong with a region."""
        return {
            "faults": {
                service.value: {"fault": fault.kind.value, "value": fault.value}
                for service, fault in self.faults[region].all().items()
            },
            "lines": self.network.faults(region),
            "clock_ms": self.clocks_ms.get(region, 0.0),
        }

    def _slow(self, order: Order) -> None:
        if order.fault == orders.PARTITION:
            self.network.partition(order.region, order.peer)
        elif order.fault == orders.PAUSE:
            self.network.pause(order.region, order.peer)
        else:
            self.network.slow(
                order.region, order.peer, lag_ms=order.value, jitter_ms=order.jitter_ms
            )

    async def _heal(self, order: Order) -> None:
        region = order.region
        if order.service in (ALL, REPLICATION):
            self.network.heal(region)
        if order.service in (ALL, Service.FUNCTIONS):
            self.clocks_ms.pop(region, None)
        for service in _services(order.service):
            self.faults[region].heal(service)
        self.network.changed()
        if order.service == ALL or order.service in _PROCESSES:
            await self.plant.revive(region, *_processes(order.service))
        await self.plant.tell(region)


def _services(name: str) -> list[Service]:
    if name == ALL:
        return list(Service)
    with contextlib.suppress(ValueError):
        return [Service(name)]
    return []


def _processes(service: str) -> list[str]:
    """None for all."""
    return [] if service == ALL else [_PROCESSES[Service(service)]]
