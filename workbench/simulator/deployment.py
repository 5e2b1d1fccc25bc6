"""All regions of a run: one world in each, under one clock, and the replication between them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from chalicelib.adapters.memory.items import Items
from chalicelib.kernel.settings import Settings
from chalicelib.model.identifiers import Region, UserId

from .links import Links
from .plan import Plan
from .replicas import Replica
from .replication import Replication
from .scheduler import Scheduler
from .trace import Trace
from .twins import Later
from .world import Common, World

MOST_STEPS = 2_000_000

Distort = Callable[[dict[str, Any]], None]


class Deployment:
    """
    Attributes:
        worlds: By region, in the order of the plan.
        first: The world of the first region, or of the only one.
    """

    def __init__(self, plan: Plan, is_traced: bool = False, distort: Distort | None = None) -> None:
        self.scheduler = Scheduler(plan.seed)
        self.trace = Trace(lambda: self.scheduler.now_us, is_traced)
        self.links = Links(self.scheduler, plan.fault_plan, self.trace)
        common = Common(
            plan.seed, plan.fault_plan, self.scheduler, self.trace, self.links, plan.faults
        )
        self.struck = common.struck
        self.replication = Replication(self.scheduler, plan.fault_plan, self.trace)
        self._claims: Items[tuple[UserId, Region]] = Items()
        self.worlds: dict[str, World] = {}
        for name in plan.regions or ("",):
            settings = plan.configured(name)
            has_streams = bool(name) or settings.outbox
            global_twins = functools.partial(self._replica, settings)
            world = World(
                common,
                settings,
                several=bool(name),
                global_twins=global_twins if has_streams else None,
                distort=distort,
            )
            self.worlds[name] = world
            if has_streams:
                self.replication.invoke[world.region] = world.replicated
        self.first = next(iter(self.worlds.values()))
        for outage in plan.fault_plan.outages:
            if outage.service == "region":
                world = self.worlds[outage.region]
                self.scheduler.at(int(outage.from_s * 1e6), "region is lost", world.lose)
                self.scheduler.at(int(outage.to_s * 1e6), "region is back", world.come_back)

    @property
    def several(self) -> bool:
        return len(self.worlds) > 1

    def run(self, until_s: float) -> None:
        self.scheduler.run(int(until_s * 1e6), MOST_STEPS)

    def _replica(self, settings: Settings, later: Later) -> dict[str, Any]:
        """Make a region's replica of the global tables, and return its twins."""
        replica = Replica(
            settings.own_first,
            self._claims,
            lambda: self.scheduler.now_us,
            self.replication.send,
            later,
            reports_own=settings.outbox,
        )
        self.replication.replicas[replica.region] = replica
        return replica.twins
