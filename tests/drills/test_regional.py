"""Drills of several regions: what they order, how they judge, and each scenario once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.node import installed
from workbench.cli.drill_regions import as_data
from workbench.drills import aftermath, regional
from workbench.drills.checker import check
from workbench.drills.figures import figures
from workbench.drills.history import (
    Acked,
    Client,
    Event,
    Failed,
    History,
    Key,
    LogEntry,
    MessageId,
    Room,
    Seen,
    Sent,
)
from workbench.drills.scenarios import SCENARIOS
from workbench.stack.regions import orders

ANN, BEN, ROOM = Client("ann"), Client("ben"), Room("room")
EARLY, LATE = LogEntry(MessageId("m1"), Key("ann/0")), LogEntry(MessageId("m2"), Key("ann/1"))
SPREADS = ("detect", "reconnect", "outage")
SECONDS = {name: "18" for name, scenario in SCENARIOS.items() if scenario.lasts}
SECONDS["gateway-410-storm"] = "12"  # of the rest, acts take the time that they need
BREAKS_CONNECTIONS = {"region-loss", "drain", "reconnect-storm"}
BEFORE: tuple[Event, ...] = (
    Sent(1.0, ANN, ROOM, EARLY.key),
    Acked(1.5, ANN, ROOM, EARLY.key, EARLY.message_id),
    Sent(11.0, ANN, ROOM, LATE.key),
    Acked(11.5, ANN, ROOM, LATE.key, LATE.message_id),
)


def history(*seen: tuple[float, LogEntry]) -> History:
    events = (*BEFORE, *(Seen(at_s, BEN, ROOM, entry.message_id) for at_s, entry in seen))
    return History({ROOM: frozenset({ANN, BEN})}, {ROOM: (EARLY, LATE)}, events)


def result(
    held: History, *, differing: tuple[Room, ...] = (), promises: dict[str, bool] | None = None
) -> regional.Result:
    plan = regional.Plan("region-isolation", converge_s=5.0)
    converged_s = aftermath.converged(held, 10.0)
    return regional.Result(
        plan,
        {ANN: "json", BEN: "js polling"},
        {ANN: "us-east-1", BEN: "eu-west-1"},
        {},
        held,
        check(held),
        differing,
        frozenset(),
        converged_s,
        0.0,
        figures(held, 5.0, 10.0, converged_s),
        regional.Times(5.0, 5.1, 10.0),
        promises or {},
    )


def test_it_has_converged_when_all_have_seen_what_was_acked_before_the_end() -> None:
    assert aftermath.converged(history((12.5, EARLY), (60.0, LATE)), 10.0) == 2.5
    assert aftermath.converged(history((3.0, EARLY), (60.0, LATE)), 10.0) == 0.0
    assert aftermath.converged(history((12.5, EARLY), (12.6, EARLY)), 10.0) == 2.5
    assert aftermath.converged(history((60.0, LATE)), 10.0) is None


def test_what_breaks_a_promise_or_takes_too_long_is_no_success() -> None:
    good = history((12.5, EARLY), (12.6, LATE))
    assert result(good).ok
    assert not result(history((12.5, EARLY))).ok, "lost"
    assert not result(history((15.5, EARLY), (15.6, LATE))).ok, "late"
    assert not result(good, differing=(ROOM,)).ok
    assert not result(good, promises={"all are elsewhere": False}).ok
    failed = replace(good, events=(*good.events, Failed(2.0, BEN, ROOM, Key("ben/0"), "why")))
    assert not result(failed).ok


def test_the_result_is_told_as_data() -> None:
    data = as_data(result(history((12.5, EARLY)), differing=(ROOM,)))
    assert data["scenario"] == "region-isolation"
    assert data["times"] == {
        **dict.fromkeys(f"{n}_{q}_s" for n in SPREADS for q in ("p50", "p99", "max")),
        "full_service_s": 7.5,
        "refusals": 0,
        "duplicates": 0,
        "peak_connections_per_s": 0,
        "converged_s": 2.5,
        "settled_s": 0.0,
    }
    assert data["faults"]["lost"] == 1
    assert data["faults"]["different_logs"] == 1
    assert json.dumps(data)


def test_what_was_lost_with_its_region_is_counted_and_no_fault() -> None:
    lost = MessageId("m0")
    early = (Sent(0.5, ANN, ROOM, Key("ann/x")), Acked(0.6, ANN, ROOM, Key("ann/x"), lost))
    shown = Seen(0.7, BEN, ROOM, lost)
    good = history((12.5, EARLY), (12.6, LATE))
    held = replace(good, events=(*early, shown, *good.events))
    assert check(held).faults
    gone = aftermath.not_copied(held, {ANN}, 1.0)
    assert gone == {lost}
    assert not check(aftermath.without(held, gone)).faults
    assert aftermath.not_copied(held, {ANN}, 0.55) == frozenset(), "acked later"
    assert aftermath.not_copied(good, {ANN, BEN}, 20.0) == frozenset(), "of a log that has it"
    assert aftermath.not_copied(held, {BEN}, 1.0) == {lost}, "shown, and then lost"
    assert aftermath.not_copied(held, {BEN}, 0.65) == frozenset()


def test_a_message_whose_resend_went_elsewhere_has_one_id() -> None:
    """Ben has seen the copy of the second region, whose id stays an alias."""
    alias = MessageId("m3")
    again = (Acked(11.8, ANN, ROOM, LATE.key, alias), Seen(12.6, BEN, ROOM, alias))
    told = history((12.5, EARLY))
    told = replace(told, events=(*told.events, *again))
    assert check(told).faults
    assert not check(aftermath.with_first_ids(told)).faults
    other = Seen(12.7, BEN, ROOM, MessageId("m4"))
    assert check(aftermath.with_first_ids(replace(told, events=(*told.events, other)))).faults


@pytest.mark.parametrize("name", SCENARIOS)
def test_its_faults_can_be_ordered(name: str) -> None:
    regions = ("us-east-1", "eu-west-1")
    for order in SCENARIOS[name].faults(regions):
        asked = {
            "region": order.region,
            "service": order.service,
            "fault": order.fault,
            "value": order.value,
        }
        body = json.dumps({**asked, **({"jitter": order.jitter_ms} if order.jitter_ms else {})})
        assert orders.parse(body.encode(), regions) == order


@pytest.mark.extended
@pytest.mark.timeout(360)
@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_holds(name: str) -> None:
    """The time to converge is a figure of the drill; here only that they do."""
    installed()
    options = [
        "--clients",
        "12",
        "--seconds",
        SECONDS.get(name, "6"),
        "--pause-s",
        "3",
        "--seed",
        "1",
        "--json",
    ]
    command = [sys.executable, "-m", "workbench.cli.main", "drill", name, *options]
    done = subprocess.run(
        [*command, "--within-s", "100"], capture_output=True, text=True, timeout=350, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert told["counts"]["sent"] == told["counts"]["acked"] > 0
    assert told["counts"]["seen"] >= told["counts"]["deliveries"] > 0
    if name in BREAKS_CONNECTIONS:
        assert told["times"]["reconnect_max_s"] >= told["times"]["outage_max_s"] > 0
        assert told["times"]["full_service_s"] > 0


def test_a_report_that_cannot_be_written_is_refused_before_the_drill(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workbench.cli.main", "drill", "region-isolation"]
    for where in (tmp_path, tmp_path / "none" / "report.html"):
        done = subprocess.run(
            [*command, "--report", str(where)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert "cannot be written" in done.stderr.replace("\n", " ")


@pytest.mark.extended
@pytest.mark.timeout(360)
def test_no_message_that_is_global_is_lost_with_its_region() -> None:
    installed()
    options = ["--clients", "12", "--seconds", "18", "--pause-s", "2", "--seed", "2", "--json"]
    command = [sys.executable, "-m", "workbench.cli.main", "drill", "region-loss", *options]
    done = subprocess.run(
        [*command, "--within-s", "100", "--durability", "global"],
        capture_output=True,
        text=True,
        timeout=350,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["durability"] == "global"
    assert told["counts"]["sent"] == told["counts"]["acked"] > 0


def test_wrong_regions_are_refused() -> None:
    command = [sys.executable, "-m", "workbench.cli.main", "drill", "region-isolation"]
    done = subprocess.run(
        [*command, "--regions", "us-east-1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "two regions" in done.stderr
