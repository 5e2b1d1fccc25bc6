"""What a scenario's acts have to work with: the regions, their clients, and what they find."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.stack.regions.deployment import Regions
from workbench.stack.regions.orders import Order

from .history import Client, Room
from .recorder import Recorder
from .service import Service


@dataclass(slots=True)
class Ground:
    """A running drill.

    Attributes:
        services: By region.
        home: The region that each client connected to first.
        rooms: The members of each room.
        promises: What the acts have checked, in words, and whether it held.
        noted: Figures that the acts have measured, by name.
    """

    stack: Regions
    services: Mapping[str, Service]
    tokens: Mapping[Client, str]
    home: Mapping[Client, str]
    rooms: Mapping[Room, frozenset[Client]]
    recorder: Recorder
    rng: random.Random
    promises: dict[str, bool] = field(default_factory=dict)
    noted: dict[str, float] = field(default_factory=dict)

    @property
    def first(self) -> str:
        """The region in which the faults are."""
        return self.stack.names[0]

    @property
    def service(self) -> Service:
        """Of the first region."""
        return self.services[self.first]

    async def order(self, service: str, fault: str | None = None, value: float = 1.0) -> None:
        """Let a service of the first region fail, or heal it."""
        await self.stack.chaos.carry_out(Order(self.first, service, fault, value))
