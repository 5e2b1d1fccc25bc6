"""No promise is broken in thousands of seeded runs, nor in the plans that once broke one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.campaigns import findings
from workbench.simulator import region_scenarios
from workbench.simulator.campaign import workers
from workbench.simulator.scenarios import SCENARIOS

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
# Those of several regions are in test_region_seeds.
NAMES = [name for name in SCENARIOS if name not in region_scenarios.SCENARIOS]


@pytest.mark.timeout(600)
def test_some_seeds_of_each_scenario() -> None:
    assert findings(NAMES, 0, 12) == []


@pytest.mark.extended
@pytest.mark.timeout(1800)
def test_more_seeds_of_each_scenario() -> None:
    assert findings(NAMES, 1_000, 188) == []


def test_plans_that_once_broke_a_promise() -> None:
    with workers() as ask:
        answers = {path.stem: ask({"case": str(path)}) for path in CASES}
    assert {name: each["findings"] for name, each in answers.items() if each["findings"]} == {}


def test_a_seed_gives_the_same_run_in_another_process() -> None:
    request = {"scenario": "kicks", "seed": 3}
    with workers(1) as one, workers(1) as other:
        assert one(request)["digest"] == other(request)["digest"]
