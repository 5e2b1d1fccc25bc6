"""`Deployment` on a stand-in for Terraform: what it asks, refuses, and says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.deploy.deploy import ROOT, DeployError, Deployment
from workbench.deploy.targets import Emulated, Target, emulated

# Says which call it got; `show -json` and `output -json` give what the test wrote.
_STAND_IN = """#!/bin/sh
here=$(dirname "$0")
case "$1 $2" in
  "version -json") echo '{"terraform_version": "1.11.4"}';;
  "show -json") if [ -n "$3" ]; then cat "$here/plan.json"; else cat "$here/state.json"; fi;;
  "output -json") cat "$here/output.json";;
  *) pwd >> "$here/folders"; echo "$1" >> "$here/calls"; echo "$1 it";;
esac
"""
CHANGES = {"resource_changes": [{"type": "aws_sqs_queue", "change": {"actions": ["create"]}}]}


class StandIn:
    """A `terraform` on the PATH that does nothing and says what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        script = folder / "terraform"
        script.write_text(_STAND_IN)
        script.chmod(0o755)
        self.tell(plan={}, state={}, output={})

    def tell(self, **answers: object) -> None:
        for name, answer in answers.items():
            (self._folder / f"{name}.json").write_text(json.dumps(answer))

    def calls(self) -> list[str]:
        return self._lines("calls")

    def folders(self) -> set[str]:
        return set(self._lines("folders"))

    def _lines(self, name: str) -> list[str]:
        path = self._folder / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return StandIn(programs)


@pytest.fixture
def aws(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deployment:
    monkeypatch.setattr("workbench.package.build", lambda *given: None)
    return Deployment(Target("aws"), folder=tmp_path)


def test_aws_is_asked_before_it_changes(stand_in: StandIn, aws: Deployment) -> None:
    stand_in.tell(plan=CHANGES)
    asked: list[str] = []
    with pytest.raises(DeployError, match="not confirmed, nothing was changed"):
        aws.deploy(lambda plan: bool(asked.append(plan)))
    assert asked == ["plan it"]
    assert stand_in.calls() == ["init", "plan"]
    assert stand_in.folders() == {str(ROOT / "terraform")}


def test_what_goes_elsewhere_is_no_deployment_to_aws(
    aws: Deployment, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    for work in (aws.deploy, aws.destroy):
        with pytest.raises(DeployError, match="AWS_ENDPOINT_URL is set"):
            work()
    assert stand_in.calls() == []


def test_protected_tables_are_not_destroyed_around(stand_in: StandIn, aws: Deployment) -> None:
    table = {
        "address": "module.a.aws_dynamodb_table.it",
        "mode": "managed",
        "values": {"deletion_protection_enabled": True},
    }
    nested = {"root_module": {"child_modules": [{"resources": [table]}]}}
    stand_in.tell(state={"values": nested})
    with pytest.raises(DeployError, match="the tables are protected"):
        aws.destroy()
    assert stand_in.calls() == ["init"]
    table["values"] = {"deletion_protection_enabled": False}
    stand_in.tell(state={"values": nested})
    aws.destroy()
    assert stand_in.calls() == ["init", "init", "destroy"]


def test_an_emulator_gets_the_root_without_what_is_for_aws(
    stand_in: StandIn, tmp_path: Path
) -> None:
    folder = tmp_path / "deploy"
    Deployment(emulated("ministack", "us-east-1", Emulated()), folder=folder).changes()
    (used,) = stand_in.folders()
    assert used == str(folder / "root")
    copied = {str(path.relative_to(used)) for path in Path(used).rglob("*.tf")}
    ours = {
        str(path.relative_to(ROOT / "terraform")) for path in (ROOT / "terraform").rglob("*.tf")
    }
    assert copied == ours | {"backend.tf"}
    assert not list(Path(used).rglob("*.tfvars*"))
    assert str(folder / "terraform.tfstate") in (Path(used) / "backend.tf").read_text()
