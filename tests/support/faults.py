"""A fault at one chosen call among all the calls that a piece of work makes on its ports.

The number of calls need not be known: a case runs its work with a fault at call 1, 2, 3 … until the
work makes fewer calls than that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from chalicelib.composition import compose
from chalicelib.kernel.errors import CacheDown, Unavailable
from tests.support.world import Killed, World

# The poster reports failures as outcomes; the clock and the ids have none.
PORTS = (
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
    "sessions",
    "trails",
    "cache",
    "poster",
    "delivery",
    "delivery_dead",
    "outbound",
    "outbound_dead",
    "peer_outbound",
    "inbox",
    "inbox_dead",
    "topic",
    "secrets",
    "issuer",
)

MOST_CALLS = 200


class How(Enum):
    """The effect of the fault, and what the caller learns."""

    REFUSED = "an error, nothing was done"
    ANSWER_LOST = "done, but an error came back"
    KILLED_BEFORE = "the process died before it"
    KILLED_AFTER = "the process died after it"


@dataclass
class Plan:
    """The fault occurs once, at call number `at` from 1, unless the work makes fewer calls.

    Attributes:
        made: The calls so far, as port.method.
    """

    at: int
    how: How
    made: list[str]
    over: bool = False

    def call(self, port: str, method: str, act: Callable[[], Any]) -> Any:
        if self.over:
            return act()
        self.made.append(f"{port}.{method}")
        if len(self.made) != self.at:
            return act()
        if self.how in (How.ANSWER_LOST, How.KILLED_AFTER):
            act()
        if self.how in (How.KILLED_BEFORE, How.KILLED_AFTER):
            raise Killed
        raise (
            CacheDown("injected")
            if port in ("cache", "sessions", "trails")
            else Unavailable("injected")
        )


class _Port:
    def __init__(self, name: str, inner: Any, plan: Plan) -> None:
        self._name, self._inner, self._plan = name, inner, plan

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._inner, method)
        if not callable(target):
            return target

        def call(*arguments: Any, **more: Any) -> Any:
            return self._plan.call(self._name, method, lambda: target(*arguments, **more))

        return call


def plant(world: World, at: int, how: How) -> Plan:
    """Put the fault into the world's ports and start counting calls."""
    plan = Plan(at, how, [])
    assert set(PORTS) == {f.name for f in fields(world.adapters)} - {
        "clock",
        "ids",
        "parallel",
        "peers",
        "arrivals",
        "probes",
        "metrics",
        "cluster",
    }
    spared = {"poster"} if how in (How.REFUSED, How.ANSWER_LOST) else set()
    ports = {
        name: _Port(name, getattr(world.adapters, name), plan)
        for name in PORTS
        if name not in spared
    }
    world.services = compose(world.settings, replace(world.adapters, **ports))
    return plan


def at_every_call(how: How, case: Callable[[Callable[[World], Plan]], None]) -> list[str]:
    """Run the case with the fault at each call in turn; return the calls where it occurred."""
    struck = []
    for at in range(1, MOST_CALLS):
        plans: list[Plan] = []

        def planted(world: World, at: int = at, plans: list[Plan] = plans) -> Plan:
            plans.append(plant(world, at, how))
            return plans[0]

        case(planted)
        if len(plans[0].made) < at:
            return struck
        struck.append(plans[0].made[at - 1])
    raise AssertionError(f"the work makes more than {MOST_CALLS} calls")


def again(work: Callable[[], Any]) -> Any:
    """Do the work, and repeat it once if the fault occurred."""
    try:
        return work()
    except (Killed, AssertionError):
        return work()
