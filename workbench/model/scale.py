"""How far one region goes: its walls, by the usage that `operate.cost` assumes. Pure.

Demand grows with the number of users, so the first wall is the same for all: the quota of which
the largest part is used.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from operate.cost import Price, Usage, monthly
from operate.cost.budgets import SEND
from operate.cost.model import loads
from operate.cost.usage import DAYS, MONTH_S

FILE = Path(__file__).with_name("quotas.toml")
USERS = (100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit, and how it is raised.

    Attributes:
        demand: Which of `demands` it limits.
    """

    demand: str
    what: str
    limit: float
    raised_by: str
    page: str
    note: str


@dataclass(frozen=True, slots=True)
class Quotas:
    """A file of quotas.

    Attributes:
        peak: How many times the month's average the busiest minutes have.
    """

    as_of: str
    peak: float
    quotas: Sequence[Quota]


@dataclass(frozen=True, slots=True)
class Wall:
    """A quota, and what a number of users demands of it in the busiest minutes.

    Attributes:
        at_users: Where it is reached.
    """

    quota: Quota
    demand: float
    at_users: int

    @property
    def times(self) -> float:
        """Which multiple of the quota is demanded."""
        return self.demand / self.quota.limit


@dataclass(frozen=True, slots=True)
class Scale:
    """A number of daily users: their connections, walls (the first to come first), and bill."""

    users: int
    connections: float
    walls: Sequence[Wall]
    usd: float

    @property
    def to_raise(self) -> Sequence[Wall]:
        return [wall for wall in self.walls if wall.times > 1]


def load(path: Path = FILE) -> Quotas:
    given = tomllib.loads(path.read_text())
    quotas = [
        Quota(
            each["demand"], each["what"], each["limit"], each["raise"], each["page"], each["note"]
        )
        for each in given["quotas"]
    ]
    return Quotas(given["as_of"], given["peak"], quotas)


def demands(usage: Usage, peak: float) -> Mapping[str, float]:
    """What the busiest minutes need, a second; of concurrency, at the same time."""
    found, per_s = loads(usage), peak / MONTH_S
    frames = sum(load.frames for load in found.values())
    posts = sum(load.posts for load in found.values())
    connects = found["websocket_connect"].times
    ends, http = found["websocket_disconnect"].times, found["api_handler"].times
    messages = usage.users * usage.messages * DAYS
    return {
        "requests": (frames + posts + connects + ends + http) * per_s,
        "posts": posts * per_s,
        "connects": connects * per_s,
        "concurrency": sum(load.busy_ms for load in found.values()) / 1000 * per_s,
        "invocations": sum(load.times for load in found.values()) * per_s,
        "message_writes": messages * SEND.writes * per_s,
        "fifo": sum(load.fifo for load in found.values()) * per_s,
        "redis": sum(load.redis for load in found.values()) * per_s,
    }


def scale(users: int, prices: Mapping[str, Price], given: Quotas) -> Scale:
    """The walls and the bill of so many daily users in one region."""
    usage = Usage(users=users)
    needed = demands(usage, given.peak)
    walls = [
        Wall(quota, needed[quota.demand], round(users * quota.limit / needed[quota.demand]))
        for quota in given.quotas
    ]
    walls.sort(key=lambda wall: -wall.times)
    total = sum(line.usd for line in monthly(usage, prices))
    return Scale(users, usage.connections, walls, total)
