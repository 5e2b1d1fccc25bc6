"""Package, `terraform apply`, a secret, health: a deployment, and its end.

Every step may be repeated: a deployment that died half way is finished by the next. Of AWS the
state is where the root's backend has it, and terraform.tfvars counts. An emulator gets the root
without both, copied to `.tidings/deploy`, where its state is too.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from workbench import package

from .account import Account, account, require_aws
from .clients import client
from .errors import DeployError
from .targets import Target
from .terraform import Plan, Terraform

ROOT = Path(__file__).resolve().parents[2]
# What a user adds to the root for AWS, and what Terraform leaves there.
_FOR_AWS = ("backend.tf", "*_override.tf", "*.tfvars", "*.tfvars.json", ".terraform*", "*.tfstate*")
# Of the package, seen from the root; the state has it, so it is the same on every machine.
_PACKAGE_DIR = "../dist"
_HEALTHY_S, _POLL_S, _ASK_S = 120.0, 0.5, 30.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What is asked about before AWS changes.

    Attributes:
        where: Account and region.
        plan: Terraform's, for people.
    """

    where: str
    plan: str


Confirm = Callable[[Change], bool]


@dataclass(slots=True)
class Deployed:
    """What came of it.

    Attributes:
        url: Of the HTTP API, and of everything else where one host serves all.
        one_host: Whether it does; without, Socket.IO clients need options (docs/socketio.md).
        resources: How many Terraform's state holds.
        seconds: By step.
        outputs: Terraform's.
    """

    url: str = ""
    websocket_url: str = ""
    one_host: bool = False
    resources: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


class Deployment:
    """A target, with what its user has set.

    Args:
        variable_files: Terraform variables, as Terraform takes them.
        tell: Is told of every step.
        folder: Of an emulator's state and package; `.tidings/deploy/<target>` by default.
        whose: Tells the AWS account of this environment; takes a region.
    """

    def __init__(
        self,
        target: Target,
        *,
        variable_files: Sequence[Path] = (),
        tell: Tell = lambda line: None,
        folder: Path | None = None,
        whose: Callable[[str | None], Account] = account,
    ) -> None:
        self._target = target
        self._files = variable_files
        self._tell = tell
        self._whose = whose
        self._folder = folder or ROOT / ".tidings" / "deploy" / target.name
        self._package = (self._folder if target.emulated else ROOT) / "dist"
        self._variables = {**target.variables(), "package_dir": _PACKAGE_DIR}

    def deploy(self, confirm: Confirm = lambda change: True) -> Deployed:
        """Bring the target to what this checkout is; `confirm` is asked before AWS changes.

        Raises:
            DeployError: Not for AWS, no credentials, another region than before, not confirmed, no
                answer from Secrets Manager, not healthy in time.
            PackageError, TerraformError: As they say.
        """
        where = self._where()
        deployed = Deployed()
        timed = _timer(deployed.seconds)
        with self._terraform() as terraform:
            with timed("package"):
                package.build(self._target.package, self._package, self._tell)
            with timed("init"):
                terraform.init()
            with timed("plan"):
                plan = self._plan(terraform)
            self._ask(confirm, where, plan)
            with timed("apply"):
                terraform.apply(plan)
            deployed.outputs = terraform.output()
            deployed.resources = len(terraform.resources())
        name = deployed.outputs["region"]
        region = deployed.outputs["regions"][name]
        with timed("secret"):
            _give_secret(self._target, name, region["secret"]["arn"], self._tell)
        self._addresses(deployed)
        with timed("health"):
            _wait_healthy(f"{deployed.url}/v1/health", self._tell)
        return deployed

    def changes(self) -> str:
        """What another apply of the package that is there would change, "" for nothing."""
        with self._terraform() as terraform:
            terraform.init()
            plan = terraform.plan(self._variables)
        return plan.text if plan.changes - set(self._target.not_read_back) else ""

    def destroy(self, confirm: Confirm = lambda change: True) -> None:
        """Undo it, tables included; `confirm` is asked before AWS changes.

        Raises:
            DeployError: Not for AWS, no credentials, deletion protection is on, another region than
                that of the state, or not confirmed: nothing was changed.
            PackageError, TerraformError: As they say.
        """
        where = self._where()
        if not (self._package / "package.json").exists():
            # Terraform reads it for a destroy too.
            package.build(self._target.package, self._package, self._tell)
        with self._terraform() as terraform:
            terraform.init()
            _require_unprotected(terraform.resources())
            plan = self._plan(terraform, destroy=True)
            self._ask(confirm, where, plan)
            terraform.apply(plan)

    def _plan(self, terraform: Terraform, *, destroy: bool = False) -> Plan:
        """A plan for what the state holds, and for nothing else."""
        found = terraform.output().get("region")  # a plan shows it as it would be
        self._tell("planning")
        plan = terraform.plan(self._variables, destroy=destroy)
        asked = plan.variables.get("region")
        if found and found != asked:
            raise DeployError(
                f"this deployment is in {found}, not in {asked}: another region is another "
                "deployment, with a state of its own; nothing was changed"
            )
        return plan

    def _addresses(self, deployed: Deployed) -> None:
        at = self._target.emulated
        if at is None:
            outputs = deployed.outputs
            deployed.url, deployed.websocket_url = outputs["url"], outputs["websocket_url"]
            deployed.one_host = outputs["edge"]
        else:
            deployed.url, deployed.one_host = at.gateway_url, True
            deployed.websocket_url = at.gateway_url.replace("http", "ws", 1) + "/ws"

    def _where(self) -> str:
        """The account, asked before anything that takes long."""
        if self._target.emulated is not None:
            return ""
        require_aws(os.environ)
        return str(self._whose(self._target.region))

    def _ask(self, confirm: Confirm, where: str, plan: Plan) -> None:
        """Of an emulator nobody is asked."""
        if self._target.emulated is not None or not plan.changes:
            return
        if not confirm(Change(f"{where}, region {plan.variables.get('region')}", plan.text)):
            raise DeployError("not confirmed, nothing was changed")

    def _terraform(self) -> Terraform:
        """The production root."""
        root = ROOT / "terraform"
        if self._target.emulated is None:
            return Terraform(root, variable_files=self._files, progress=self._tell)
        return Terraform(
            _copy(root, self._folder),
            data_dir=self._folder / "data",
            variable_files=self._files,
            environment=self._target.environment(),
            progress=self._tell,
        )


def _copy(root: Path, folder: Path) -> Path:
    """The root as it is in the repository, with a state in the folder."""
    copy = folder / "root"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*_FOR_AWS))
    state = json.dumps(str((folder / "terraform.tfstate").resolve()))
    backend = f'terraform {{\n  backend "local" {{\n    path = {state}\n  }}\n}}\n'
    (copy / "backend.tf").write_text(backend)
    return copy


def _require_unprotected(resources: Mapping[str, Mapping[str, Any]]) -> None:
    """Terraform would notice half way: without APIs and secret, with the tables."""
    if any(values.get("deletion_protection_enabled") for values in resources.values()):
        raise DeployError(
            "the tables are protected: set tables = { deletion_protection = false }, deploy, and "
            "then destroy"
        )


def _give_secret(target: Target, region: str, arn: str, tell: Tell) -> None:
    """A first value for the secret; one that is there stays.

    By its ARN: of a name that ends like an ARN does, Secrets Manager cannot tell which is meant.
    """
    try:
        manager = (
            boto3.client("secretsmanager", region_name=region)
            if target.aws_url is None
            else client("secretsmanager", target.aws_url, region)
        )
        try:
            # AWS raises for a secret without a value, ministack answers without one.
            if manager.get_secret_value(SecretId=arn).get("SecretString"):
                return
        except manager.exceptions.ResourceNotFoundException:
            pass
        tell(f"giving {arn} a value")
        value = json.dumps({"jwt_secret": secrets.token_hex(32)})
        manager.put_secret_value(SecretId=arn, SecretString=value)
    except (BotoCoreError, ClientError) as fault:
        raise DeployError(f"the secret {arn} has no value yet: {fault}") from fault


def _wait_healthy(url: str, tell: Tell) -> None:
    """Wait until `GET /v1/health` is 200, which touches every store."""
    tell(f"waiting for {url}")
    deadline = time.monotonic() + _HEALTHY_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=_ASK_S):
                return
        except urllib.error.HTTPError as fault:
            said = f"{fault.code} {fault.read(300).decode(errors='replace')}"
        except OSError as fault:
            said = str(fault)
        if time.monotonic() > deadline:
            raise DeployError(f"{url} is not healthy after {_HEALTHY_S:.0f} s: {said}")
        time.sleep(_POLL_S)


def _timer(seconds: dict[str, float]) -> Callable[[str], AbstractContextManager[None]]:
    @contextmanager
    def timed(step: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        seconds[step] = round(time.monotonic() - started, 1)

    return timed
