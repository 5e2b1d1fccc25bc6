"""Whether the region should get new clients. Route 53 and the other regions ask for it.

The check makes real calls, so it is made once in a few seconds and its result kept: anybody may
ask, without a token, and must not be able to cause many calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..kernel.settings import Settings
from ..model.identifiers import RoomId
from ..ports.access import Probes, Secrets
from ..ports.queues import Queue
from ..ports.rooms import RoomStore
from ..ports.system import Clock, Reachable
from .drain_switch import DrainSwitch

KNOWN_MS = 3_000
# Without Redis the service is slower, but works.
_OPTIONAL = frozenset({"redis"})


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The result of a check.

    Attributes:
        checks: Whether each system answers, by name.
        draining: An operator has started to drain the region.
    """

    checks: Mapping[str, bool]
    draining: bool = False

    @property
    def serves(self) -> bool:
        """Whether new clients should connect here."""
        return not self.draining and self._works

    @property
    def _works(self) -> bool:
        return all(ok for name, ok in self.checks.items() if name not in _OPTIONAL)

    @property
    def status(self) -> str:
        if not self._works:
            return "unavailable"
        if self.draining:
            return "draining"
        return "ok" if all(self.checks.values()) else "degraded"


class RegionHealth:
    def __init__(
        self,
        settings: Settings,
        rooms: RoomStore,
        cache: Reachable,
        delivery: Queue,
        secrets: Secrets,
        probes: Probes,
        switch: DrainSwitch,
        clock: Clock,
    ) -> None:
        self._apis = settings.websocket_apis
        self._rooms = rooms
        self._cache = cache
        self._delivery = delivery
        self._secrets = secrets
        self._probes = probes
        self._switch = switch
        self._clock = clock
        self._lock = threading.Lock()
        self._known: HealthReport | None = None
        self._known_until_ms = 0

    def report(self) -> HealthReport:
        """Return the result of a check of the last 3 s. While one thread checks, others wait."""
        with self._lock:
            if self._known is None or self._clock.now_ms() >= self._known_until_ms:
                checks = self._probes.answering(self._calls())
                self._known = HealthReport(checks, self._switch.known is not None)
                self._known_until_ms = self._clock.now_ms() + KNOWN_MS
            return self._known

    def _calls(self) -> dict[str, Callable[[], object]]:
        calls: dict[str, Callable[[], object]] = {
            "dynamodb": self._ask_dynamodb,
            "redis": self._cache.ping,
            "sqs": self._delivery.depth,
            # A process that has read the secret serves on without Secrets Manager. So this asks
            # no more than a handshake does.
            "secret": lambda: self._secrets.get("jwt_secret"),
        }
        if self._apis:
            calls["connections"] = self._ask_connections
        return calls

    def _ask_dynamodb(self) -> None:
        self._rooms.get(RoomId("health"))
        if self._switch.usable:
            self._switch.read()

    def _ask_connections(self) -> None:
        """Ask every shard: a user has one of them."""
        for api in self._apis:
            self._probes.ask_connections(api.api_id, api.stage)
