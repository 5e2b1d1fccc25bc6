"""What scenarios would do on AWS: each has steps, or a reason why not."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from workbench.cli.main import app
from workbench.drills.aws import Target, steps, why_not
from workbench.drills.scenarios import SCENARIOS

AT = Target("chat", ("us-east-1", "eu-west-1"), 3)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_steps_or_a_reason(name: str) -> None:
    found = steps(name, AT)
    assert bool(found) != bool(why_not(name))
    for step in found:
        assert step.why
        assert step.command.split()[0] in {"aws", "tidings"}
        assert "us-east-1" in step.command or step.command == "tidings deploy"


def test_an_experiment_lasts_as_long_as_the_faults_and_names_are_the_deployments() -> None:
    [pause] = steps("replication-pause", AT)
    assert "3 min" in pause.why
    assert (pause.cost_usd, steps("region-isolation", AT)[0].cost_usd) == (0.3, 0.6)
    [failover] = steps("cache-failover", AT)
    assert '."us-east-1".cache.id' in failover.command, "its name has a suffix"


def test_a_dry_run_prints_and_does_nothing() -> None:
    runner = CliRunner()
    done = runner.invoke(app, ["drill", "drain", "--target", "aws"])
    assert done.exit_code == 0
    assert "tidings drain start us-east-1" in done.output
    assert "0.00 USD" in done.output
    assert "Nothing was done." in done.output
    done = runner.invoke(app, ["drill", "drain", "--target", "aws", "--json"])
    first, *_ = json.loads(done.output)["steps"]
    assert first["why"].startswith("move all")
    done = runner.invoke(app, ["drill", "clock-skew", "--target", "aws"])
    assert (done.exit_code, "cannot be had on AWS" in done.output) == (1, True)
