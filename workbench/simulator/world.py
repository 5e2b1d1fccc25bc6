"""A region in simulation: twins, queues, gateway, functions and schedules, composed as on AWS."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt

from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.memory import (
    MemoryCheckpointStore,
    MemoryCursors,
    MemoryFriendStore,
    MemoryMarkers,
    MemoryMessageLog,
    MemoryPresenceStore,
    MemoryRevocationStore,
)
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.entrypoints import queues, schedules
from chalicelib.kernel.settings import Settings
from chalicelib.services import Adapters, Services, compose

from .functions import QUEUES_TIMEOUT_S, SWEEP_TIMEOUT_S, Functions
from .gateway import Gateway, SimPoster
from .http_api import HttpApi
from .injection import Fault, FaultInjector, FaultPlan
from .ports import Bus, Calls, NoMetrics, NoPeers, Port, ProcessClock, SeededIds
from .queues import Rules, SimQueue
from .scheduler import START_MS, Concurrency, Result, Scheduler
from .trace import Trace
from .twins import LaggingConnections, LaggingRooms, RedisState, WakingSessions

SECRET = "a secret for simulated tokens, longer than the 64 bytes that HS512 asks for"
SWEEP_US = 60_000_000
MOST_STEPS = 2_000_000
_RESOURCES = Path(__file__).resolve().parents[2] / "terraform" / "resources.json"
_QUEUES = json.loads(_RESOURCES.read_text())["queues"]

# The service of each twin; the names are fields of `Adapters`.
_DYNAMODB = (
    "log",
    "cursors",
    "friends",
    "revocations",
    "presence",
    "markers",
    "rooms",
    "connections",
    "checkpoints",
)
_REDIS = ("sessions", "trails", "cache")


class World:
    """
    Attributes:
        redis: All that Redis holds.

    Args:
        distort: Changes the twins, to see that the checks notice.
    """

    def __init__(
        self,
        seed: int,
        fault_plan: FaultPlan,
        settings: Settings,
        *,
        only: frozenset[Fault] | None = None,
        is_traced: bool = False,
        distort: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.scheduler = Scheduler(seed)
        self.trace = Trace(lambda: self.scheduler.now_us, is_traced)
        self.injector = FaultInjector(fault_plan, self.scheduler, only)
        self.settings = settings
        self._seed = seed
        self._calls = Calls(self.scheduler, self.injector, self.trace)
        clock = ProcessClock(self.scheduler)
        sessions, trails = WakingSessions(clock, self.scheduler), MemoryTrails()
        cache = MemoryCache(SeededIds(f"{seed}/redis"), clock)
        self.redis = RedisState(cache, sessions, trails)
        self.twins: dict[str, Any] = {
            "log": MemoryMessageLog(),
            "cursors": MemoryCursors(),
            "friends": MemoryFriendStore(),
            "revocations": MemoryRevocationStore(),
            "presence": MemoryPresenceStore(),
            "markers": MemoryMarkers(),
            "rooms": LaggingRooms(self._later),
            "connections": LaggingConnections(self._later),
            "checkpoints": MemoryCheckpointStore(),
            "sessions": sessions,
            "trails": trails,
            "cache": cache,
        }
        if distort is not None:
            distort(self.twins)
        self.functions = Functions(self.scheduler, self._compose)
        self.gateway = Gateway(self.scheduler, self.functions, self.injector, self.trace)
        self.http = HttpApi(self.scheduler, self.functions, self._calls)
        self.bus = Bus(self.scheduler)
        self.delivery_dead = self._queue("delivery-dead")
        self.outbound_dead = self._queue("outbound-dead")
        self.delivery = self._queue("delivery", self.delivery_dead)
        self.outbound = self._queue("outbound", self.outbound_dead)
        self.delivery.invoke = self._trigger("deliver", queues.deliver)
        self.outbound.invoke = self._trigger("outbound", queues.outbound)
        self.sweeps = 0
        self.scheduler.at(SWEEP_US, "sweep", self._sweep)

    def token(self, user: str, **claims: Any) -> str:
        far = START_MS // 1000 + 7 * 86_400
        return jwt.encode({"sub": user, "exp": far, **claims}, SECRET, algorithm="HS256")

    def run(self, until_s: float) -> None:
        self.scheduler.run(int(until_s * 1e6), MOST_STEPS)

    def _compose(self, name: str) -> Services:
        """Make the services of a new process."""
        draw = SeededIds(f"{self._seed}/{name}")
        skew = self.injector.fault_plan.skew_ms
        ports = {
            each: Port(self._calls, service, each, self.twins[each])
            for service, names in (("dynamodb", _DYNAMODB), ("redis", _REDIS))
            for each in names
        }
        poster = SimPoster(self.gateway, self.scheduler, self.injector, self._calls)
        adapters = Adapters(
            **ports,
            poster=EnginePoster(poster, ports["sessions"]),
            delivery=self.delivery,
            delivery_dead=self.delivery_dead,
            outbound=self.outbound,
            outbound_dead=self.outbound_dead,
            peers=NoPeers(),
            metrics=NoMetrics(),
            cluster=self.bus,
            secrets=FixedSecrets({"jwt_secret": SECRET}),
            clock=ProcessClock(self.scheduler, int((2 * draw.jitter() - 1) * skew)),
            ids=draw,
            parallel=Concurrency(self.scheduler),
        )
        return compose(self.settings, adapters)

    def _queue(self, name: str, dead: SimQueue | None = None) -> SimQueue:
        given = _QUEUES[name]
        most = given.get("max_receive_count", 1_000_000)
        rules = Rules(name, given["fifo"], given["visibility_timeout_s"], most)
        return SimQueue(rules, self.scheduler, self.injector, self._calls, dead)

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
