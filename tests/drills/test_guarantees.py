"""The page of guarantees has a place for every drill, and a drill writes into its own."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.support.paths import ROOT
from workbench.drills import guarantees
from workbench.drills.scenarios import SCENARIOS

PAGE = ROOT / "docs" / "reference" / "guarantees.md"
TOLD: dict[str, Any] = {
    "ok": True,
    "counts": {"sent": 62},
    "faults": {"lost": 0, "doubled": 0, "misordered": 0},
    "times": {"full_service_s": 1.24, "outage_max_s": None},
}
ON = date(2026, 11, 29)


def test_every_drill_has_a_row() -> None:
    names = guarantees.names(PAGE.read_text())
    assert sorted(names) == sorted({*SCENARIOS, "storm", "hostile", "region-loss, global"})


def test_every_row_has_figures_of_a_run_that_held() -> None:
    rows = [row for row in PAGE.read_text().splitlines() if "<!-- measured:" in row]
    assert [row for row in rows if "-->held: " not in row] == []


def test_a_drill_writes_its_own_row_alone() -> None:
    rows = (
        "<!-- measured: drain -->old<!-- measured end -->",
        "<!-- measured: storm --><!-- measured end -->",
    )
    page = "".join(f"| a | {row} |\n" for row in rows)
    written = guarantees.noted(page, "storm", "new")
    assert written == page.replace("storm --><", "storm -->new<")
    assert guarantees.noted(written, "storm", "newer") == page.replace(
        "storm --><", "storm -->newer<"
    )
    with pytest.raises(ValueError, match="measured: clock-skew"):
        guarantees.noted(page, "clock-skew", "new")


def test_a_line_of_figures() -> None:
    command = "tidings drill cache-loss --seed 3"
    told = guarantees.line(TOLD, command, ON)
    assert told == (
        "held: 62 sent, 0 lost, 0 doubled, 0 misordered, full service after 1.2 s "
        "(2026-11-29, `tidings drill cache-loss --seed 3`)"
    )
    times = {"ratio_p50": 1.0, "ratio_p99": 1.57}
    assert "deliveries took 1 times as long, p99 1.57 times" in guarantees.line(
        {**TOLD, "times": times}, command, ON
    )
    lost = {**TOLD, "ok": False, "not_copied": 2, "times": {"outage_max_s": 0.5}}
    assert guarantees.line(lost, command, ON) == (
        "**broken**: 62 sent, 0 lost, 0 doubled, 0 misordered, 2 lost with their region, "
        "longest outage 0.5 s (2026-11-29, `tidings drill cache-loss --seed 3`)"
    )
