"""Runs of several regions: nothing is found where nothing is wrong, and what is wrong is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryRoomStore
from chalicelib.model.log import Elsewhere
from tests.support.plans import CALM, EU, US
from workbench.simulator.injection import FaultPlan, Outage
from workbench.simulator.plan import Plan, Step
from workbench.simulator.run import Run, run

# Both know nothing of each other while they remove and add the same member.
PARTED = replace(
    CALM,
    steps=(
        *(step for step in CALM.steps if step.what in ("connect", "send", "join")),
        Step(20, "ann", "kick", ("red", "dan")),
        Step(21, "ann", "move", (EU,)),
        Step(22, "ann", "kick", ("red", "dan")),
        Step(25, "ann", "add", ("red", "dan")),
    ),
    fault_plan=FaultPlan(outages=(Outage("replication", 19, 60, US),), calm_s=61),
)
# A region is lost with a message that is not acked; its sender repeats it in the other one.
LOST = replace(
    CALM,
    steps=(
        *(step for step in CALM.steps if step.what in ("connect", "send")),
        Step(17.0, "cat", "post", ("red", "m7", "keyed")),
    ),
    homes={**CALM.homes, "cat": EU},
    fault_plan=FaultPlan(outages=(Outage("region", 17.8, 60, EU),), calm_s=61),
)
# A friend is blocked in one region, while the other one does not hear of it.
BLOCKED = replace(
    CALM,
    steps=(*CALM.steps, Step(30, "ann", "block", ("bob",))),
    friends=(("ann", "bob"),),
    fault_plan=FaultPlan(outages=(Outage("replication", 29, 60, US),), calm_s=61),
)


def _promises(plan: Plan, distort: Callable[[dict[str, Any]], None] | None = None) -> set[str]:
    return {finding.promise for finding in run(plan, distort=distort).findings}


@pytest.mark.parametrize("plan", [CALM, PARTED, LOST, BLOCKED])
def test_nothing_is_found_where_nothing_is_wrong(plan: Plan) -> None:
    outcome = run(plan)
    assert outcome.findings == ()
    assert outcome.counts["acked"] >= 8  # the messages, and a probe from each region


def test_devices_of_a_lost_region_go_to_another_one() -> None:
    this = Run(LOST)
    assert this.outcome().findings == ()
    assert {this.homes[name] for name in ("bob/1", "cat/1", "dan/1")} == {US}


def test_the_same_plan_gives_the_same_run() -> None:
    assert run(PARTED).digest == run(PARTED).digest


def _reports_no_entries(twins: dict[str, Any]) -> None:
    """The stream reports nothing that arrives."""
    take = twins["log"].take
    twins["log"].take = lambda item: take(item) or item


def _knows_one_region(twins: dict[str, Any]) -> None:
    """Memberships are written as in a deployment of one region, so the later write wins."""
    rooms: MemoryRoomStore = twins["rooms"]
    rooms._several, rooms._regions = False, ()


def _has_no_friends_of(region: str) -> Callable[[dict[str, Any]], None]:
    """A replica of the friends takes over nothing."""

    def distort(twins: dict[str, Any]) -> None:
        items = twins["friends"]._items
        if twins["rooms"]._region == region:
            items.take = lambda item: None

    return distort


def _takes_no_decisions(twins: dict[str, Any]) -> None:
    """A replica of what users decide about others takes over nothing."""
    twins["consents"]._items.take = lambda item: None


def _keeps_friends(twins: dict[str, Any]) -> None:
    """Friendships never end."""
    twins["friends"].remove = lambda user_id, friend_id: None


def _looks_nowhere(twins: dict[str, Any]) -> None:
    """Writers see nothing of other regions."""
    twins["log"].elsewhere = lambda room, regions, dedupes, now_ms: Elsewhere({}, {})


def _reads_one_region(twins: dict[str, Any]) -> None:
    """The history shows the messages of the own region only."""
    before, region = twins["log"].before, twins["rooms"]._region
    twins["log"].before = lambda room, of, *rest: before(room, of, *rest) if of == region else []


@pytest.mark.parametrize(
    ("plan", "distort", "promise"),
    [
        (CALM, _reports_no_entries, "lost"),
        (PARTED, _knows_one_region, "membership"),
        (CALM, _has_no_friends_of(US), "regions"),
        (CALM, _reads_one_region, "history"),
        (BLOCKED, _takes_no_decisions, "regions"),
        (BLOCKED, _keeps_friends, "blocked"),
    ],
)
def test_a_broken_promise_is_found(
    plan: Plan, distort: Callable[[dict[str, Any]], None], promise: str
) -> None:
    assert promise in _promises(plan, distort)
