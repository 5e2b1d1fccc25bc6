"""A region in simulation: twins, queues, gateway, functions and schedules, composed as on AWS.

Regions of a deployment share the clock, the scheduler and the trace, and a replica of the global
tables in each (`deployment.py`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.memory import (
    MemoryArrivals,
    MemoryCheckpointStore,
    MemoryConsentStore,
    MemoryCursors,
    MemoryDrains,
    MemoryFriendStore,
    MemoryIssuer,
    MemoryMarkers,
    MemoryMessageLog,
    MemoryPresenceStore,
    MemoryProbes,
    MemoryRevocationStore,
)
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.composition import compose
from chalicelib.entrypoints import queues, schedules, streams
from chalicelib.kernel.settings import Settings
from chalicelib.model.identifiers import Region
from chalicelib.ports.adapters import Adapters
from chalicelib.services import Services
from workbench.queues import Rules

from .functions import QUEUES_TIMEOUT_S, SWEEP_TIMEOUT_S, Functions
from .gateway import Gateway, SimPoster
from .http_api import HttpApi
from .injection import Fault, FaultInjector, FaultPlan
from .links import Links, Place, SimPeerQueues, SimPeers, SimTopic
from .ports import Bus, Calls, NoMetrics, Port, ProcessClock, SeededIds
from .queues import SimQueue
from .scheduler import Concurrency, Result, Scheduler
from .trace import Trace
from .twins import LaggingConnections, LaggingRooms, Later, RedisState, WakingSessions

SECRET = "a secret for simulated tokens, longer than the 64 bytes that HS512 asks for"
SWEEP_US = 60_000_000
_RESOURCES = Path(__file__).resolve().parents[2] / "terraform" / "resources.json"
_QUEUES = json.loads(_RESOURCES.read_text())["queues"]

# The service of each twin; the names are fields of `Adapters`.
_DYNAMODB = (
    "log",
    "cursors",
    "friends",
    "consents",
    "revocations",
    "presence",
    "markers",
    "rooms",
    "connections",
    "drains",
    "checkpoints",
)
_REDIS = ("sessions", "trails", "cache")


@dataclass(frozen=True, slots=True)
class Common:
    """What all regions of a run share.

    Attributes:
        only: Faults that may strike; None for all that are drawn.
        links: What regions reach of each other.
        struck: The faults that happened, in order.
    """

    seed: int
    fault_plan: FaultPlan
    scheduler: Scheduler
    trace: Trace
    links: Links
    only: frozenset[Fault] | None = None
    struck: list[Fault] = field(default_factory=list)


class World:
    """
    Attributes:
        region: Its name.
        redis: All that Redis holds.
        calls: The calls of its processes.

    Args:
        several: Whether the deployment has several regions.
        global_twins: Makes the twins of the region's replicas of the global tables, whose streams
            report what is written; None if nobody reads these.
        distort: Changes the twins, to see that the checks notice.
    """

    def __init__(
        self,
        common: Common,
        settings: Settings,
        *,
        several: bool = False,
        global_twins: Callable[[Later], dict[str, Any]] | None = None,
        distort: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.scheduler, self.trace = common.scheduler, common.trace
        self.region = Region(settings.region)
        self._label = f"{self.region} " if several else ""
        self.injector = FaultInjector(
            common.fault_plan,
            self.scheduler,
            common.only,
            self.region if several else "",
            common.struck,
        )
        self.settings, self.links = settings, common.links
        self._seed = common.seed
        self.calls = Calls(self.scheduler, self.injector, self.trace)
        clock = ProcessClock(self.scheduler)
        sessions, trails = WakingSessions(clock, self.scheduler), MemoryTrails()
        cache = MemoryCache(SeededIds(f"{self._seed}/{self._label}redis"), clock)
        self.redis = RedisState(cache, sessions, trails)
        self.twins: dict[str, Any] = {
            "cursors": MemoryCursors(),
            "drains": MemoryDrains(),
            "connections": LaggingConnections(self._later, self.scheduler),
            "sessions": sessions,
            "trails": trails,
            "cache": cache,
            **(global_twins or _twins_alone)(self._later),
        }
        if distort is not None:
            distort(self.twins)
        self.functions = Functions(self.scheduler, self._compose, self._label)
        self.gateway = Gateway(self.scheduler, self.functions, self.injector, self.trace)
        self.http = HttpApi(self.scheduler, self.functions, self.calls)
        self.bus = Bus(self.scheduler)
        self.delivery_dead = self._queue("delivery-dead")
        self.outbound_dead = self._queue("outbound-dead")
        self.inbox_dead = self._queue("inbox-dead")
        self.delivery = self._queue("delivery", self.delivery_dead)
        self.outbound = self._queue("outbound", self.outbound_dead)
        self.inbox = self._queue("inbox", self.inbox_dead)
        self.delivery.invoke = self._trigger("deliver", queues.deliver)
        self.outbound.invoke = self._trigger("outbound", queues.outbound)
        self.inbox.invoke = self._trigger("relay", queues.relay)
        if several:
            place = Place(self.inbox, self.outbound, self.http, lambda: self.functions.is_down)
            self.links.places[self.region] = place
        self.sweeps = 0
        self.scheduler.at(SWEEP_US, "sweep", self._sweep)

    def replicated(self, name: str, event: dict[str, Any]) -> Result[None]:
        """Run the trigger of the streams of the region's replicas."""
        handle = functools.partial(_handle_stream, event)
        return self.functions.invoke("replicated", name, handle, QUEUES_TIMEOUT_S)

    def lose(self) -> None:
        """The region is lost, with all that runs and all connections. Tables and queues stay."""
        self.trace.note(f"== {self.region} is lost")
        self.functions.is_down = True
        for queue in (self.delivery, self.outbound, self.inbox):
            queue.is_paused = True
        self.functions.kill_all()
        for socket in list(self.gateway.sockets.values()):
            socket.cut()

    def come_back(self) -> None:
        """The region is back, with an empty Redis."""
        self.trace.note(f"== {self.region} is back")
        self.redis.empty()
        self.functions.is_down = False
        for queue in (self.delivery, self.outbound, self.inbox):
            queue.resume()

    def _compose(self, name: str) -> Services:
        """Make the services of a new process."""
        draw = SeededIds(f"{self._seed}/{self._label}{name}")
        skew = self.injector.fault_plan.skew_ms
        ports = {
            each: Port(self.calls, service, each, self.twins[each])
            for service, names in (("dynamodb", _DYNAMODB), ("redis", _REDIS))
            for each in names
        }
        poster = SimPoster(self.gateway, self.scheduler, self.injector, self.calls)
        adapters = Adapters(
            **ports,
            poster=EnginePoster(poster, ports["sessions"]),
            delivery=self.delivery,
            delivery_dead=self.delivery_dead,
            outbound=self.outbound,
            outbound_dead=self.outbound_dead,
            peer_outbound=SimPeerQueues(self.region, self.links, self.calls),
            inbox=self.inbox,
            inbox_dead=self.inbox_dead,
            topic=SimTopic(self.region, self.links, self.calls),
            peers=SimPeers(self.region, self.links),
            arrivals=MemoryArrivals(),
            probes=MemoryProbes(),
            metrics=NoMetrics(),
            cluster=self.bus,
            secrets=FixedSecrets({"jwt_secret": SECRET}),
            issuer=MemoryIssuer(),
            clock=ProcessClock(self.scheduler, int((2 * draw.jitter() - 1) * skew)),
            ids=draw,
            parallel=Concurrency(self.scheduler),
        )
        return compose(self.settings, adapters)

    def _queue(self, name: str, dead: SimQueue | None = None) -> SimQueue:
        rules = Rules.of(name, _QUEUES[name])
        return SimQueue(rules, self.scheduler, self.injector, self.calls, dead)

    def _trigger(
        self, function: str, handler: Callable[[Services, dict[str, Any]], dict[str, Any]]
    ) -> Callable[[str, dict[str, Any]], Result[dict[str, Any]]]:
        def invoke(name: str, event: dict[str, Any]) -> Result[dict[str, Any]]:
            handle = functools.partial(_handle, handler, event)
            return self.functions.invoke(function, name, handle, QUEUES_TIMEOUT_S)

        return invoke

    def _sweep(self) -> None:
        self.sweeps += 1
        self.functions.invoke(
            "sweep",
            f"sweep {self.sweeps}",
            lambda services: schedules.sweep(services, {}),
            SWEEP_TIMEOUT_S,
        )
        self.scheduler.after(SWEEP_US, "sweep", self._sweep)

    def _later(self, follow: Callable[[], None]) -> None:
        task = self.scheduler.current()
        if task is None:
            follow()
        else:
            self.scheduler.after(self.injector.lag_us(task), "index", follow)


def _handle(
    handler: Callable[[Services, dict[str, Any]], dict[str, Any]],
    event: dict[str, Any],
    services: Services,
) -> dict[str, Any]:
    return handler(services, event)


def _handle_stream(event: dict[str, Any], services: Services) -> None:
    streams.replicated(services, event)


def _twins_alone(later: Later) -> dict[str, Any]:
    """The twins of the tables that are global with several regions, if there is one."""
    return {
        "log": MemoryMessageLog(),
        "friends": MemoryFriendStore(),
        "consents": MemoryConsentStore(),
        "revocations": MemoryRevocationStore(),
        "presence": MemoryPresenceStore(),
        "markers": MemoryMarkers(),
        "rooms": LaggingRooms(later),
        "checkpoints": MemoryCheckpointStore(),
    }
