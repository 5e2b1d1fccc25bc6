"""What goes wrong: how often each kind of fault strikes a call, outages, and one-off events.

A fault is drawn from the random numbers of the task that calls, and has a name: task, number of the
call, kind. A run with some of them left out is otherwise the same run; so failures can be shrunk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .scheduler import Scheduler, Task


class Kind(StrEnum):
    """Kinds of faults of a call.

    REFUSED: The service did not do it, and says so or does not answer.
    LOST: The service did it, and its answer is lost.
    KILLED_BEFORE, KILLED_AFTER: The process dies before or after the service did it.
    FROZEN_BEFORE, FROZEN_AFTER: The process stops for up to 150 s there, and goes on.
    """

    REFUSED = "refused"
    LOST = "lost"
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    FROZEN_BEFORE = "frozen before"
    FROZEN_AFTER = "frozen after"


KILLS = (Kind.KILLED_BEFORE, Kind.KILLED_AFTER)
FREEZES = (Kind.FROZEN_BEFORE, Kind.FROZEN_AFTER)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A fault that struck: the number of the call within its task, from 1."""

    task: str
    call: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Outage:
    """A service that refuses all calls for a time: `redis`, `dynamodb`, `sqs`, `posts` or `http`.

    With `quota`, the account's quota of API Gateway is used up: all posts are answered 429. With
    `budget`, the region's own budget of posts is used up: none is made.

    With several regions, `replication` keeps what a region writes from the others, and what they
    write from it; `inbound` only the latter. With `network` nothing else crosses either. With
    `region`, the region is lost: its processes and connections end, and nothing answers until it is
    back, with its tables and queues; if that is at `NEVER_S`, it is lost for good.

    Attributes:
        region: Where; "" everywhere.
    """

    service: str
    from_s: float
    to_s: float
    region: str = ""


NEVER_S = 1e9


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What goes wrong in a run, as data.

    Attributes:
        rates: How likely each kind strikes a call.
        only: The services whose calls it strikes; empty for all.
        calm_s: From then on, nothing goes wrong any more.
        slow: How likely a call takes 0.1 to 3 s.
        index_lag_s: The longest time that an index is behind its table.
        never_disconnects: How likely an ended connection causes no `$disconnect`.
        skew_ms: The clock of a process is off by up to this.
        replication_lag_s: How long one in ten items takes at most to reach another region; the
            others take up to a second or so.
    """

    rates: Mapping[Kind, float] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    outages: tuple[Outage, ...] = ()
    calm_s: float = 90
    slow: float = 0.01
    index_lag_s: float = 2
    never_disconnects: float = 0.05
    queued_twice: float = 0.02
    skew_ms: int = 0
    replication_lag_s: float = 5


def apart_until(
    fault_plan: FaultPlan, services: Collection[str], now_s: float, origin: str, to: str
) -> float | None:
    """When what keeps a region from another ends; None if nothing does.

    Args:
        services: The outages that matter.
    """
    ends = [
        each.to_s
        for each in fault_plan.outages
        if each.service in services
        and each.from_s <= now_s < each.to_s
        and each.region in ("", to, *(() if each.service == "inbound" else (origin,)))
    ]
    return max(ends, default=None)


# Typical, and for one in ten calls: milliseconds.
LATENCY_MS = {
    "redis": (0.4, 3),
    "dynamodb": (4, 25),
    "sqs": (8, 60),
    "sns": (10, 80),
    "peer": (90, 400),
    "posts": (12, 80),
    "http": (20, 150),
}
SHORTEST_FREEZE_S, LONGEST_FREEZE_S = 1, 150
TIMEOUT_US = {
    "redis": 500_000,
    "dynamodb": 3_000_000,
    "sqs": 3_000_000,
    "sns": 1_000_000,
    "peer": 1_000_000,
    "posts": 3_000_000,
    "http": 3_000_000,
}


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to a call: a pause before and after its effect (us), and its fault."""

    before_us: int
    after_us: int
    kind: Kind | None = None


class FaultInjector:
    """
    Attributes:
        struck: The faults that happened, in order.

    Args:
        only: Faults that may strike; None for all that are drawn.
        region: Whose calls it decides on; "" if there is one region.
        struck: The list to use, which the injectors of all regions share.
    """

    def __init__(
        self,
        fault_plan: FaultPlan,
        scheduler: Scheduler,
        only: frozenset[Fault] | None = None,
        region: str = "",
        struck: list[Fault] | None = None,
    ) -> None:
        self.fault_plan = fault_plan
        self.struck: list[Fault] = [] if struck is None else struck
        self._region = region
        self._scheduler = scheduler
        self._only = only

    @property
    def is_calm(self) -> bool:
        return self._scheduler.now_us >= self.fault_plan.calm_s * 1e6

    def fate(self, task: Task, service: str) -> Fate:
        """Decide what happens to the task's next call of a service."""
        task.calls += 1
        typical, tail = LATENCY_MS[service]
        latency_us = self._latency_us(task, typical, tail)
        before_us = int(latency_us * task.random.uniform(0.2, 0.8))
        after_us = latency_us - before_us
        kind = self._kind(task, service)
        if kind in FREEZES:
            frozen_us = int(task.random.uniform(SHORTEST_FREEZE_S, LONGEST_FREEZE_S) * 1e6)
            before_us += frozen_us if kind is Kind.FROZEN_BEFORE else 0
            after_us += frozen_us if kind is Kind.FROZEN_AFTER else 0
        if kind in (Kind.REFUSED, Kind.LOST):
            after_us = task.random.choice((after_us, TIMEOUT_US[service]))
        return Fate(before_us, after_us, kind)

    def is_away(self, service: str) -> bool:
        now_s = self._scheduler.now_us / 1e6
        return any(
            each.service == service
            and each.from_s <= now_s < each.to_s
            and each.region in ("", self._region)
            for each in self.fault_plan.outages
        )

    def lag_us(self, task: Task | None) -> int:
        """How long an index takes to follow a write."""
        if task is None or self.is_calm:
            return 10_000
        draw = task.random
        longest = self.fault_plan.index_lag_s if draw.random() < 0.1 else 0.05
        return int(draw.uniform(0, longest) * 1e6)

    def _latency_us(self, task: Task, typical: float, tail: float) -> int:
        draw = task.random.random()
        slow = self.fault_plan.slow if not self.is_calm else 0.0
        if draw < slow:
            return int(task.random.uniform(0.1, 3) * 1e6)
        most = tail if draw > 0.9 else typical * 2
        return int(task.random.uniform(typical / 2, most) * 1000)

    def _kind(self, task: Task, service: str) -> Kind | None:
        draw = task.random.random()
        if self.is_away(service):
            return Kind.REFUSED
        if self.is_calm or (self.fault_plan.only and service not in self.fault_plan.only):
            return None
        for kind, rate in self.fault_plan.rates.items():
            draw -= rate
            if draw < 0:
                fault = Fault(task.name, task.calls, kind)
                if self._only is not None and fault not in self._only:
                    return None
                if kind in KILLS and task.process is None:
                    return None
                self.struck.append(fault)
                return kind
        return None
