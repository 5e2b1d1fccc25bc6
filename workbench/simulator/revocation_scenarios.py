"""Scenarios in which an operator revokes users between any two steps of what they do."""

from __future__ import annotations

import random
from collections.abc import Mapping

from . import draws
from .draws import NAMES
from .injection import FaultPlan
from .plan import API, Plan, Step

KINDS = ("json", "json", "socketio", "polling", "upgrade", "older")
FOR_S = (1, 30, 604_800)  # two end during the run, with the leeway for clocks; one does not
QUIET = 0.4  # of the runs are without faults, so that it is known to the second who must be out


def revocations(seed: int) -> Plan:
    """Users are revoked while they connect, recover, upgrade, renew, write and poll."""
    draw = random.Random(f"revocations/{seed}")
    users = list(NAMES[: draw.randint(2, 4)])
    devices = {name: draw.choice(KINDS) for name in draws.devices(draw, users, socketio=0)}
    programs = [f"{user}/api" for user in users]
    rooms = {"red": tuple(users), "blue": tuple(users[:2])}
    steps = draws.arrivals(draw, devices, 10)
    steps += draws.messages(draw, devices, rooms, draw.randint(4, 12), 8, 85)
    for user in draw.sample(users[1:], draw.randint(1, len(users) - 1)):
        steps += revoked(draw, user, devices, draw.uniform(11, 60), draw.choice(FOR_S))
    everything = FaultPlan(calm_s=90, slow=draw.choice((0.01, 0.1)))
    if draw.random() >= QUIET:
        everything = FaultPlan(draws.rates(draw, 0.03), calm_s=90, slow=0.04)
        if draw.random() < 0.4:
            how = draw.choice(("empty", "older", "shard"))
            steps.append(Step(draw.uniform(11, 80), "redis", how))
    steps += [
        Step(draw.uniform(11, 85), program, "post", ("red", f"p{number}", "keyed"))
        for number, program in enumerate(programs)
    ]
    devices |= dict.fromkeys(programs, API)
    return Plan("revocations", seed, devices, rooms, draws.ordered(steps), everything, quiet_s=700)


def revoked(
    draw: random.Random, user: str, devices: Mapping[str, str], at_s: float, for_s: int
) -> list[Step]:
    """The operator revokes a user, whose devices do something just then, and go on afterwards."""
    steps = [Step(at_s, "operator", "revoke", (user, str(for_s)))]
    for name in [each for each in sorted(devices) if each.split("/")[0] == user]:
        for _ in range(draw.randint(1, 3)):
            what, *args = draw.choice(
                (("disconnect", "cut"), ("disconnect", "cut"), ("renew",), ("join", "red"))
            )
            # A broken connection is back within a second, and upgraded in another one.
            before_s = 2.5 if what == "disconnect" else 0.3
            near_s = at_s + draw.uniform(-before_s, 0.4)
            steps.append(Step(near_s, name, what, tuple(args)))
        if draw.random() < 0.5:
            later_s = at_s + draw.uniform(0.3, 30)
            steps.append(Step(later_s, name, draw.choice(("typing", "join")), ("red",)))
    return steps
