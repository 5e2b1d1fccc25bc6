"""Makes a failing plan smaller, while it fails in the same way, and stores plans.

Steps, faults, outages and devices are left out, in halves, then one by one: the delta debugging of
Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from .injection import Fault, FaultPlan, Kind, Outage
from .plan import API, Plan, Step
from .run import Outcome, run

T = TypeVar("T")
MOST_RUNS = 400
# Of several findings the gravest is pursued.
SEVERITY = ("lost", "doubled", "stored", "log", "membership", "recovery", "misordered")


class Shrinker:
    """
    Attributes:
        runs: How many runs it took so far.
    """

    def __init__(self, outcome: Outcome, most_runs: int = MOST_RUNS) -> None:
        self._best = outcome
        promises = {finding.promise for finding in outcome.findings}
        self._promise = min(promises, key=lambda each: (*SEVERITY, each).index(each))
        self._most_runs = most_runs
        self.runs = 0

    def shrink(self) -> Outcome:
        """Return the smallest failing run that was found."""
        while True:
            before = _size(self._best)
            self._thin(self._best.plan.steps, self._with_steps)
            self._thin(self._best.struck, self._with_faults)
            self._thin(tuple(self._best.plan.devices), self._with_devices)
            self._thin(self._best.plan.fault_plan.outages, self._with_outages)
            if _size(self._best) == before or self.runs >= self._most_runs:
                return self._best

    def _thin(self, items: Sequence[T], plan_with: Callable[[Sequence[T]], Plan]) -> None:
        """Leave out as many items as possible."""
        size = max(1, len(items) // 2)
        while items and self.runs < self._most_runs:
            start = 0
            while start < len(items) and self.runs < self._most_runs:
                fewer = [*items[:start], *items[start + size :]]
                if self._still_fails(plan_with(fewer)):
                    items = fewer
                else:
                    start += size
            if size == 1:
                return
            size //= 2

    def _still_fails(self, plan: Plan) -> bool:
        self.runs += 1
        outcome = run(plan)
        if self._promise not in {finding.promise for finding in outcome.findings}:
            return False
        self._best = outcome
        return True

    def _with_steps(self, steps: Sequence[Step]) -> Plan:
        return replace(self._best.plan, steps=tuple(steps))

    def _with_faults(self, faults: Sequence[Fault]) -> Plan:
        return replace(self._best.plan, faults=frozenset(faults))

    def _with_devices(self, names: Sequence[str]) -> Plan:
        plan = self._best.plan
        kept = {name: plan.devices[name] for name in names}
        # Room owners write the probes; of two who create a room, either may be its owner.
        owners = {users[0] for users in plan.rooms.values()}
        owners |= {each.who for each in plan.steps if each.what == "create"}
        if not owners <= {name.split("/")[0] for name, each in kept.items() if each != API}:
            return plan
        steps = tuple(s for s in plan.steps if s.who in kept or s.who not in plan.devices)
        return replace(plan, devices=kept, steps=steps)

    def _with_outages(self, outages: Sequence[Outage]) -> Plan:
        plan = self._best.plan
        return replace(plan, fault_plan=replace(plan.fault_plan, outages=tuple(outages)))


def _size(outcome: Outcome) -> tuple[int, ...]:
    plan = outcome.plan
    return (len(plan.steps), len(outcome.struck), len(plan.devices), len(plan.fault_plan.outages))


def save(plan: Plan, path: Path) -> None:
    """Write a plan as JSON."""
    data = asdict(plan)
    if plan.faults is not None:
        data["faults"] = [[each.task, each.call, each.kind] for each in sorted(plan.faults)]
    path.write_text(json.dumps(data, indent=1, default=list) + "\n")


def load(path: Path) -> Plan:
    """Read a plan that `save` wrote."""
    data: dict[str, Any] = json.loads(path.read_text())
    fault_plan = data["fault_plan"]
    return Plan(
        scenario=data["scenario"],
        seed=data["seed"],
        devices=data["devices"],
        rooms={room: tuple(users) for room, users in data["rooms"].items()},
        steps=tuple(Step(s["at_s"], s["who"], s["what"], tuple(s["args"])) for s in data["steps"]),
        fault_plan=FaultPlan(
            **{
                **fault_plan,
                "rates": {Kind(kind): rate for kind, rate in fault_plan["rates"].items()},
                "only": tuple(fault_plan["only"]),
                "outages": tuple(Outage(**each) for each in fault_plan["outages"]),
            }
        ),
        friends=tuple((one, other) for one, other in data["friends"]),
        settings=data["settings"],
        quiet_s=data["quiet_s"],
        faults=frozenset(Fault(task, call, Kind(kind)) for task, call, kind in data["faults"])
        if data["faults"] is not None
        else None,
        regions=tuple(data.get("regions", ())),
        homes=data.get("homes", {}),
        past=data.get("past", 0),
    )
