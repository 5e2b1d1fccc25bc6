"""Deploy and destroy: package, plan, preflight, `terraform apply`, secret, health check, proof.

Every step can be repeated: the next run finishes a deployment that died half way. On AWS, the
state is in the root's backend, and terraform.tfvars is used. An emulator gets a copy of the root
without both, in `.tidings/deploy`, with its state beside it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from operate import package, preflight
from operate.checks import Check, problems

from . import emulators, given, settings
from .account import Account, account, require_aws
from .errors import CheckError, DeployError
from .ready import Checking, Deployed, give_secret, prove, wait_healthy
from .targets import NAME, Target
from .terraform import Plan, Terraform

ROOT = Path(__file__).resolve().parents[2]
STATES = ROOT / ".tidings" / "deploy"  # emulators' states
# The package's path from the root. It is part of the state, so it is the same on every machine.
_PACKAGE_DIR = "../dist"
ERRORED = ROOT / "terraform" / "errored.tfstate"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What the user confirms before anything in AWS changes.

    Attributes:
        where: Account and region.
        plan: Terraform's plan, as text.
    """

    where: str
    plan: str


Confirm = Callable[[Change], bool]


class Deployment:
    """A target and its user's settings.

    Args:
        variable_files: Terraform variables, in Terraform's format.
        tell: Gets a line for every step.
        folder: For an emulator's state and package; `.tidings/deploy/<target>` by default.
        whose: Returns the AWS account of this environment; takes a region.
        compiles: Put bytecode into the package.
    """

    def __init__(
        self,
        target: Target,
        *,
        variable_files: Sequence[Path] = (),
        tell: Tell = lambda line: None,
        folder: Path | None = None,
        whose: Callable[[str | None], Account] = account,
        compiles: bool = True,
    ) -> None:
        self._target = target
        self._files = variable_files
        self._tell = tell
        self._whose = whose
        self._compiles = compiles
        self._folder = folder or STATES / target.name
        self._package = (self._folder if target.emulated else ROOT) / "dist"
        self._variables = {**target.variables(), "package_dir": _PACKAGE_DIR}

    def deploy(
        self, confirm: Confirm = lambda change: True, checking: Checking | None = None
    ) -> Deployed:
        """Make the target match this checkout; `confirm` is called before AWS changes.

        Raises:
            CheckError: The preflight or the proof found what is not well.
            DeployError: A setting that cannot be, not allowed on AWS, no credentials, no emulator,
                a state that was not written, another region than before, not confirmed, no answer
                from Secrets Manager, or not healthy in time.
            PackageError, TerraformError: Packaging or Terraform failed.
        """
        checking = checking or Checking()
        self._check_settings()
        where = self._where()
        deployed = Deployed()
        timed = _timer(deployed.seconds)
        with self._terraform() as terraform:
            with timed("package"):
                package.build(
                    self._target.package, self._package, self._tell, compiles=self._compiles
                )
            with timed("init"):
                found = self._init(terraform)
            with timed("plan"):
                plan = self._plan(terraform, found)
            if checking.preflight:
                with timed("preflight"):
                    deployed.preflight = self._preflight(plan, where, checking)
            self._ask(confirm, where, terraform, plan)
            with timed("apply"):
                terraform.apply(plan)
            deployed.outputs = terraform.output()
            deployed.resources = len(terraform.resources())
        name = deployed.outputs["region"]
        region = deployed.outputs["regions"][name]
        with timed("secret"):
            secret = give_secret(self._target, name, region["secret"]["arn"], self._tell)
        self._addresses(deployed)
        to_aws = self._target.emulated is None
        with timed("health"):
            wait_healthy(f"{deployed.url}/v1/health", to_aws, self._tell)
        if checking.proof:
            with timed("proof"):
                prove(deployed, plan, secret, checking, self._tell)
        return deployed

    def _preflight(self, plan: Plan, where: str, checking: Checking) -> list[Check]:
        checks = preflight.run(plan, self._target.client, where or self._target.name)
        for check in checks:
            checking.show(check)
        if problems(checks):
            raise CheckError(
                f"nothing was changed:\n{problems(checks)}\n"
                "--skip-preflight goes on in spite of it",
                preflight=checks,
            )
        return checks

    def changes(self) -> str:
        """What another apply of the existing package would change; "" for nothing."""
        with self._terraform() as terraform:
            terraform.init()
            plan = terraform.plan(self._variables)
            told = plan.changes - set(self._target.not_read_back)
            return terraform.describe(plan) if told else ""

    def destroy(self, confirm: Confirm = lambda change: True) -> None:
        """Delete the deployment, tables included; `confirm` is called before AWS changes.

        Raises:
            DeployError: Not allowed on AWS, no credentials, no emulator, deletion protection is on,
                another region than the state's, or not confirmed. Nothing was changed.
            PackageError, TerraformError: Packaging or Terraform failed.
        """
        where = self._where()
        with self._terraform() as terraform:
            if not (self._package / "package.json").exists():
                # `terraform destroy` reads the package, too.
                package.build(self._target.package, self._package, self._tell, compiles=False)
            found = self._init(terraform)
            plan = self._plan(terraform, found, destroy=True)
            _require_unprotected(plan)
            self._ask(confirm, where, terraform, plan)
            terraform.apply(plan)

    def _check_settings(self) -> None:
        """Check the variables that the user gives, before any step that takes long."""
        automatic = [] if self._target.emulated else given.files_of(ROOT / "terraform")
        environment = self._target.environment(os.environ)
        found = settings.faults(
            given.read(settings.names(), [*automatic, *self._files], environment)
        )
        if found:
            lines = "".join(f"\n  {fault}" for fault in found)
            raise DeployError(f"nothing was changed, as these settings cannot be:{lines}")

    def _init(self, terraform: Terraform) -> str | None:
        """Initialise; return the region of the existing deployment, None if there is none."""
        terraform.init()
        outputs = terraform.output()
        at = self._target.emulated
        if at is not None and "regions" in outputs and emulators.has_ended(at, outputs):
            aside = emulators.set_aside(self._folder)
            self._tell(f"the emulator is new: starting over; the old state is now {aside}")
            return None
        return outputs.get("region")

    def _plan(self, terraform: Terraform, found: str | None, *, destroy: bool = False) -> Plan:
        """Make a plan for region `found` only."""
        _require_region(found, self._target.region or found)  # AWS refuses to plan across regions
        self._tell("planning")
        plan = terraform.plan(self._variables, destroy=destroy)
        # Read from the plan, which includes variable files; its prior state has the new values.
        _require_region(found, plan.variables.get("region"))
        name = plan.variables.get("name", NAME)
        if self._target.emulated is not None and name != NAME:
            raise DeployError(
                f"the name is {name}: in an emulator it must be {NAME}, which the gateway looks for"
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
        """Return the account; check credentials or emulators before any step that takes long."""
        if self._target.emulated is not None:
            emulators.require_running(self._target.name, self._target.emulated)
            return ""
        require_aws(os.environ)
        if ERRORED.exists():
            raise DeployError(
                f"Terraform could not write the state to its backend and left {ERRORED}: run "
                "`terraform -chdir=terraform state push errored.tfstate`, then delete that file"
            )
        return str(self._whose(self._target.region))

    def _ask(self, confirm: Confirm, where: str, terraform: Terraform, plan: Plan) -> None:
        """Ask for confirmation; not for emulators."""
        if self._target.emulated is not None or not plan.changes:
            return
        where = f"{where}, region {plan.variables.get('region')}"
        if not confirm(Change(where, terraform.describe(plan))):
            raise DeployError("not confirmed: nothing was changed")

    @contextmanager
    def _terraform(self) -> Iterator[Terraform]:
        """Open the production root, or an emulator's copy of it."""
        root, at = ROOT / "terraform", self._target.emulated
        if at is None:
            with Terraform(root, variable_files=self._files, progress=self._tell) as terraform:
                yield terraform
            return
        with (
            emulators.alone(self._folder),
            Terraform(
                emulators.copy_root(root, self._folder),
                data_dir=self._folder / "data",
                variable_files=self._files,
                environment=self._target.environment(os.environ),
                progress=self._tell,
            ) as terraform,
        ):
            yield terraform


def _require_region(found: str | None, asked: str | None) -> None:
    if found and found != asked:
        raise DeployError(
            f"this deployment is in {found}, not in {asked}: deploy another region separately, "
            "with a state of its own; nothing was changed"
        )


def _require_unprotected(plan: Plan) -> None:
    """Check first: Terraform would fail half way, after deleting the APIs and the secret."""
    if any(values.get("deletion_protection_enabled") for values in plan.deletes.values()):
        raise DeployError(
            "the tables are protected: set tables = { deletion_protection = false }, deploy, and "
            "then destroy"
        )


def _timer(seconds: dict[str, float]) -> Callable[[str], AbstractContextManager[None]]:
    @contextmanager
    def timed(step: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        seconds[step] = round(time.monotonic() - started, 1)

    return timed
