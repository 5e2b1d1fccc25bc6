"""No promise is broken in seeded runs of two and three regions."""

from __future__ import annotations

import pytest

from tests.support.campaigns import findings
from workbench.simulator.campaign import workers
from workbench.simulator.region_scenarios import SCENARIOS


@pytest.mark.timeout(600)
def test_some_seeds_of_each_scenario() -> None:
    assert findings(list(SCENARIOS), 0, 4) == []


@pytest.mark.extended
@pytest.mark.timeout(1800)
def test_more_seeds_of_each_scenario() -> None:
    assert findings(list(SCENARIOS), 1_000, 15) == []


def test_a_seed_gives_the_same_run_in_another_process() -> None:
    request = {"scenario": "region-loss", "seed": 3}
    with workers(1) as one, workers(1) as other:
        assert one(request)["digest"] == other(request)["digest"]
