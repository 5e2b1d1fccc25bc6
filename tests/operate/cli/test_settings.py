"""`tidings settings check` with a stand-in for Terraform, and `tidings deploy`, which begins so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.stand_in import StandIn
from workbench.cli.main import app


@pytest.fixture
def var_file(tmp_path: Path) -> Path:
    path = tmp_path / "prod.tfvars"
    path.touch()
    return path


def tidings(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_what_can_be(stand_in: StandIn, var_file: Path) -> None:
    stand_in.plan(app={"settings": {"TIDINGS_MAX_ROOMS": 7}}, tags=None)
    done = tidings("settings", "check", "--var-file", str(var_file))
    assert done.exit_code == 0, done.stderr
    assert stand_in.calls() == ["plan"]


def test_what_cannot_be(stand_in: StandIn, var_file: Path) -> None:
    stand_in.plan(app={"shard": 2, "settings": {"TIDINGS_LIMITS": "{nope"}})
    done = tidings("settings", "check", "--var-file", str(var_file))
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["app.shard", "app.settings.TIDINGS_LIMITS"]
    assert lines[1].endswith("is not JSON (it is a text of 5 characters)")


def test_for_machines(stand_in: StandIn, var_file: Path) -> None:
    stand_in.plan(network={"zone_names": ["a1", "a1"]})
    done = tidings("settings", "check", "--var-file", str(var_file), "--json")
    assert done.exit_code == 1
    fault = {
        "name": "network.zone_names",
        "shape": "a list of 2",
        "allowed": "name each zone once, a1 too",
    }
    assert json.loads(done.stdout) == {"ok": False, "faults": [fault]}


def test_a_file_that_is_not_there(stand_in: StandIn) -> None:
    assert tidings("settings", "check", "--var-file", "/nonexistent.tfvars").exit_code == 2
    assert stand_in.calls() == []


def test_a_file_that_terraform_cannot_read(stand_in: StandIn, var_file: Path) -> None:
    stand_in.fail("plan", "Error: Missing newline after argument")
    done = tidings("settings", "check", "--var-file", str(var_file))
    assert done.exit_code == 1
    assert "Missing newline after argument" in done.stderr


def test_a_deployment_begins_with_it(stand_in: StandIn, var_file: Path) -> None:
    """Before it asks for credentials, packages or plans."""
    stand_in.plan(app={"settings": {"TIDINGS_MAX_ROOMS": "many"}})
    done = tidings("deploy", "--target", "aws", "--yes", "--var-file", str(var_file))
    assert done.exit_code == 1
    assert "nothing was changed" in done.stderr
    assert "app.settings.TIDINGS_MAX_ROOMS: must be a whole number" in done.stderr
    assert stand_in.calls() == ["plan"]
