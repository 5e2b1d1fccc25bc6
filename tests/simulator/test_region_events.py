"""Drains, lost regions, new rooms, and what crosses by topics: judged, and found if wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.jobs.relayed import RelayTyping
from chalicelib.model.identifiers import Region, RoomId, UserId
from tests.support.plans import CALM, EU, US
from workbench.simulator import event_checks
from workbench.simulator.history import Heard
from workbench.simulator.injection import NEVER_S, FaultPlan, Outage
from workbench.simulator.links import Published
from workbench.simulator.plan import Plan, Step
from workbench.simulator.run import Run, run
from workbench.simulator.scheduler import START_MS

# While the drain begins, messages are written in both regions.
DRAINED = replace(
    CALM,
    steps=(
        *(step for step in CALM.steps if step.what in ("connect", "join", "send")),
        Step(9, "operator", "drain", (EU, "0")),
    ),
    fault_plan=FaultPlan(calm_s=60),
)
# A region is lost before its last messages are replicated: one of them is `global`.
LOST = replace(
    CALM,
    steps=(
        *(step for step in CALM.steps if step.what in ("connect", "join")),
        Step(15, "bob/1", "send", ("red", "m1")),
        Step(17, "bob/1", "send", ("red", "m2", "global")),
        Step(18, "bob/1", "send", ("red", "m3")),
        Step(40, "ann/1", "send", ("red", "m4")),
    ),
    fault_plan=FaultPlan(
        outages=(Outage("replication", 16, 20, EU), Outage("region", 20, NEVER_S, EU)),
        calm_s=60,
    ),
)
# Two users create a group with one id at once, in two regions.
CREATED = replace(
    CALM,
    rooms={**CALM.rooms, "new": ("ann", "bob", "cat", "dan")},
    steps=(
        *(step for step in CALM.steps if step.what == "connect"),
        Step(10, "ann", "create", ("new", "cat")),
        Step(10, "bob", "create", ("new", "cat", "dan")),
        Step(15, "cat/1", "send", ("new", "m1")),
    ),
)


@pytest.mark.parametrize("plan", [DRAINED, LOST, CREATED])
def test_nothing_is_found_where_nothing_is_wrong(plan: Plan) -> None:
    assert run(plan).findings == ()


def test_clients_of_a_drained_region_go_to_the_other_one() -> None:
    this = Run(DRAINED)
    assert this.outcome().findings == ()
    assert {this.home(name).region for name in this.devices} == {US}


def test_a_region_that_is_lost_for_good_takes_only_what_was_not_copied() -> None:
    this = Run(LOST)
    assert this.outcome().findings == ()
    texts = [str(entry.content) for entry in this.entries["red"]]
    assert texts[:3] == ["text m1", "text m2", "text m4"]


def _no_turn_is_taken(twins: dict[str, Any]) -> None:
    twins["drains"].take_turn = lambda *args: False


def _keeps_no_spare(twins: dict[str, Any]) -> None:
    twins["log"].keep = lambda *args: False


def _claims_nothing(twins: dict[str, Any]) -> None:
    twins["rooms"].claim = lambda *args: True


@pytest.mark.parametrize(
    ("plan", "distort", "promise"),
    [
        (DRAINED, _no_turn_is_taken, "drain"),
        (LOST, _keeps_no_spare, "lost"),
        (CREATED, _claims_nothing, "creation"),
    ],
)
def test_a_broken_promise_is_found(
    plan: Plan, distort: Callable[[dict[str, Any]], None], promise: str
) -> None:
    assert promise in {finding.promise for finding in run(plan, distort=distort).findings}


@pytest.fixture(scope="module")
def finished() -> Run:
    stay = tuple(step for step in CALM.steps if step.what != "move")
    this = Run(replace(CALM, steps=stay))
    assert this.outcome().findings == ()
    return this


def _found(this: Run) -> set[str]:
    return {finding.promise for finding in event_checks.check(this)}


def test_typing_and_receipts_cross_by_the_topic(finished: Run) -> None:
    links = finished.deployment.links
    assert {each.job.kind for each in links.published} >= {"relay_typing", "relay_delivered"}
    assert finished.confirmed
    assert finished.viewed


def test_an_event_that_is_published_again_is_a_loop(finished: Run) -> None:
    job = RelayTyping(
        region=Region(US), at_ms=1, room_id=RoomId("red"), user_id=UserId("ann"), is_typing=True
    )
    published = finished.deployment.links.published
    published.append(Published(0, Region(EU), job))
    assert _found(finished) == {"loop"}
    published.pop()


@pytest.mark.parametrize(
    ("heard", "promise"),
    [
        (Heard(30, "ann/1", "typing", "red", "bob", "True", "2027-01-15T07:59:40.000Z"), "old"),
        (Heard(30, "eve/1", "typing", "red", "bob"), "audience"),
        (Heard(30, "dan/1", "user_joined", "blue", "bob"), "audience"),
    ],
)
def test_an_event_that_is_old_or_for_others_is_found(
    finished: Run, heard: Heard, promise: str
) -> None:
    assert START_MS == 1_800_000_000_000  # 08:00
    plan, finished.plan = finished.plan, replace(finished.plan, rooms={**CALM.rooms, "blue": ()})
    finished.record.heard.append(heard)
    assert _found(finished) == {promise}
    finished.record.heard.pop()
    finished.plan = plan


def test_an_event_that_does_not_arrive_is_found(finished: Run) -> None:
    heard, finished.record.heard = finished.record.heard, []
    assert _found(finished) == {"audience", "receipt"}
    finished.record.heard = heard


# A message of one region is late, and another one's newer message is marked as read meanwhile.
LATE = replace(
    CALM,
    steps=(
        *(step for step in CALM.steps if step.what == "connect"),
        Step(20, "bob/1", "send", ("red", "m1")),
        Step(21, "ann/1", "send", ("red", "m2")),
        Step(22, "ann/1", "send", ("red", "m3")),
        Step(25, "dan/1", "move", (US,)),
        Step(35, "dan/1", "mark", ("red",)),
    ),
    fault_plan=FaultPlan(outages=(Outage("replication", 19, 60, EU),), calm_s=61),
    homes={"bob/1": EU, "dan/1": US},
)


def _marks_by_id(twins: dict[str, Any]) -> None:
    """Markers say which message was read, and not what of each stream was there."""
    move = twins["markers"].move
    twins["markers"].move = lambda room, region, marker: move(
        room, region, replace(marker, seen={}, seq=0)
    )


def test_a_late_message_that_counts_as_read_is_found() -> None:
    assert run(LATE).findings == ()
    assert "unread" in {finding.promise for finding in run(LATE, distort=_marks_by_id).findings}
