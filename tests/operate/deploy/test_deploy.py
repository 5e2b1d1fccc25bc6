"""`Deployment` on a stand-in for Terraform: what it asks, refuses, and says."""

from __future__ import annotations

from pathlib import Path

import pytest

from operate.deploy.account import Account
from operate.deploy.deploy import ROOT, Change, Deployment
from operate.deploy.errors import DeployError
from operate.deploy.targets import Emulated, Target, emulated
from tests.support.stand_in import StandIn

OURS = Account("123456789012", "arn:aws:iam::123456789012:user/ada")


@pytest.fixture
def aws(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deployment:
    monkeypatch.setattr("operate.package.build", lambda *given, compiles: None)
    return Deployment(Target("aws"), folder=tmp_path, whose=lambda region: OURS)


def test_aws_is_asked_before_it_changes(stand_in: StandIn, aws: Deployment) -> None:
    stand_in.plan(region="eu-central-1")
    asked: list[Change] = []
    for work in (aws.deploy, aws.destroy):
        with pytest.raises(DeployError, match="not confirmed: nothing was changed"):
            work(lambda change: bool(asked.append(change)))
    where = "AWS account 123456789012 (as arn:aws:iam::123456789012:user/ada), region eu-central-1"
    assert asked == [Change(where, "the plan")] * 2
    assert stand_in.calls() == ["init", "plan", "init", "plan -destroy"]
    assert stand_in.folders() == {str(ROOT / "terraform")}


def test_the_state_has_no_path_of_a_machine(stand_in: StandIn, aws: Deployment) -> None:
    aws.changes()
    assert stand_in.variables() == {"package_dir": "../dist"}
    assert (ROOT / "terraform" / "../dist").resolve() == ROOT / "dist"


def test_another_region_is_not_this_deployment(stand_in: StandIn, aws: Deployment) -> None:
    """Terraform would make all of it anew there, or forget what is here."""
    stand_in.outputs(region="eu-central-1")
    stand_in.plan(region="us-east-1")
    for work in (aws.deploy, aws.destroy):
        with pytest.raises(DeployError, match=r"is in eu-central-1, not in us-east-1.*nothing"):
            work()
    assert stand_in.calls() == ["init", "plan", "init", "plan -destroy"]


def test_a_region_that_is_asked_for_is_compared_before_the_plan(
    stand_in: StandIn, tmp_path: Path
) -> None:
    """Terraform reads what it has from the asked region, where AWS refuses ARNs of another one."""
    elsewhere = Deployment(Target("aws", "us-east-1"), folder=tmp_path, whose=lambda region: OURS)
    stand_in.outputs(region="eu-central-1")
    for work in (elsewhere.deploy, elsewhere.destroy):
        with pytest.raises(DeployError, match="is in eu-central-1, not in us-east-1"):
            work()
    assert stand_in.calls() == ["init", "init"]


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "TF_WORKSPACE"])
def test_what_goes_elsewhere_is_no_deployment_to_aws(
    aws: Deployment, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "elsewhere")
    for work in (aws.deploy, aws.destroy):
        with pytest.raises(DeployError, match=rf"{name} is set \(elsewhere\)"):
            work()
    assert stand_in.calls() == []


def test_a_state_that_was_not_written_comes_first(
    aws: Deployment, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operate.deploy.deploy.ERRORED", tmp_path / "errored.tfstate")
    (tmp_path / "errored.tfstate").touch()
    for work in (aws.deploy, aws.destroy):
        with pytest.raises(DeployError, match="state push"):
            work()
    assert stand_in.calls() == []


def test_protected_tables_are_not_destroyed_around(stand_in: StandIn, aws: Deployment) -> None:
    protected = {"deletion_protection_enabled": True}
    table = {
        "address": "module.a.aws_dynamodb_table.it",
        "type": "aws_dynamodb_table",
        "change": {"actions": ["delete"], "before": protected},
    }
    stand_in.tell(plan={"resource_changes": [table]})
    with pytest.raises(DeployError, match="the tables are protected"):
        aws.destroy()
    assert stand_in.calls() == ["init", "plan -destroy"]
    protected["deletion_protection_enabled"] = False
    stand_in.tell(plan={"resource_changes": [table]})
    aws.destroy()
    assert stand_in.calls()[2:] == ["init", "plan -destroy", "apply"]


def test_an_emulator_gets_the_root_without_what_is_for_aws(
    stand_in: StandIn, tmp_path: Path
) -> None:
    folder = tmp_path / "deploy"
    Deployment(emulated("ministack", "us-east-1", Emulated()), folder=folder).changes()
    (used,) = stand_in.folders()
    assert Path(used, stand_in.variables()["package_dir"]).resolve() == folder / "dist"
    assert used == str(folder / "root")
    copied = {str(path.relative_to(used)) for path in Path(used).rglob("*.tf")}
    ours = {
        str(path.relative_to(ROOT / "terraform")) for path in (ROOT / "terraform").rglob("*.tf")
    }
    assert copied == ours | {"backend.tf"}
    assert not list(Path(used).rglob("*.tfvars*"))
    assert str(folder / "terraform.tfstate") in (Path(used) / "backend.tf").read_text()
