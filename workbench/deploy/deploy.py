"""Package, `terraform apply`, a secret, health: a deployment, and its end.

Every step may be repeated: a deployment that died half way is finished by the next. Terraform's
state of an emulator is in `.tidings/deploy`; that of AWS is where the root's backend has it.
"""

from __future__ import annotations

import json
import secrets
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

from .clients import client
from .targets import Target
from .terraform import Terraform

ROOT = Path(__file__).resolve().parents[2]
_HEALTHY_S, _POLL_S, _ASK_S = 120.0, 0.5, 30.0

Tell = Callable[[str], None]
Confirm = Callable[[str], bool]


class DeployError(Exception):
    """It is not deployed, and why, in words for its user."""


@dataclass(slots=True)
class Deployed:
    """What came of it.

    Attributes:
        url: Of the HTTP API, and of everything else where one host serves all.
        resources: How many Terraform's state holds.
        seconds: By step.
        outputs: Terraform's.
    """

    url: str = ""
    websocket_url: str = ""
    resources: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


class Deployment:
    """A target, with what its user has set.

    Args:
        variable_files: Terraform variables, as Terraform takes them.
        tell: Is told of every step.
        folder: Of an emulator's state and package; `.tidings/deploy/<target>` by default.
    """

    def __init__(
        self,
        target: Target,
        *,
        variable_files: Sequence[Path] = (),
        tell: Tell = lambda line: None,
        folder: Path | None = None,
    ) -> None:
        self._target = target
        self._files = variable_files
        self._tell = tell
        self._folder = folder or ROOT / ".tidings" / "deploy" / target.name
        self._package = (self._folder if target.emulated else ROOT) / "dist"
        self._variables = {**target.variables(), "package_dir": str(self._package)}

    def deploy(self, confirm: Confirm = lambda plan: True) -> Deployed:
        """Bring the target to what this checkout is; `confirm` is asked before AWS changes.

        Raises:
            DeployError: Not confirmed, no answer from Secrets Manager, not healthy in time.
            PackageError, TerraformError: As they say.
        """
        deployed = Deployed()
        timed = _timer(deployed.seconds)
        with timed("package"):
            package.build(self._target.package, self._package, self._tell)
        with self._terraform() as terraform:
            with timed("init"):
                terraform.init()
            if self._target.emulated is None and not self._confirmed(terraform, confirm):
                raise DeployError("not confirmed, nothing was changed")
            with timed("apply"):
                terraform.apply(self._variables)
            deployed.outputs = terraform.output()
            deployed.resources = len(terraform.resources())
        region = deployed.outputs["regions"][self._target.region]
        with timed("secret"):
            _give_secret(self._target, region["secret"]["name"], self._tell)
        deployed.url, deployed.websocket_url = _urls(self._target, region)
        with timed("health"):
            _wait_healthy(f"{deployed.url}/v1/health", self._tell)
        return deployed

    def changes(self) -> str:
        """What another apply of the package that is there would change, "" for nothing."""
        with self._terraform() as terraform:
            return terraform.changes(self._variables, but_for=self._target.not_read_back)

    def destroy(self) -> None:
        """Undo it, tables included. On AWS deletion protection has to be taken off before."""
        if not (self._package / "package.json").exists():
            # Terraform reads it for a destroy too.
            package.build(self._target.package, self._package, self._tell)
        with self._terraform() as terraform:
            terraform.init()
            terraform.destroy(self._variables)

    def _confirmed(self, terraform: Terraform, confirm: Confirm) -> bool:
        changes = terraform.changes(self._variables)
        return not changes or confirm(changes)

    def _terraform(self) -> Terraform:
        """The production root. An emulator sees none of the developer's own AWS credentials."""
        root = ROOT / "terraform"
        if self._target.emulated is None:
            return Terraform(root, variable_files=self._files, progress=self._tell)
        self._folder.mkdir(parents=True, exist_ok=True)
        return Terraform(
            root,
            data_dir=self._folder / "data",
            state=self._folder / "terraform.tfstate",
            variable_files=self._files,
            environment={
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_SESSION_TOKEN": "",
                "AWS_PROFILE": "",
            },
            progress=self._tell,
        )


def _give_secret(target: Target, name: str, tell: Tell) -> None:
    """A first value for the secret; one that is there stays."""
    try:
        manager = (
            boto3.client("secretsmanager", region_name=target.region)
            if target.aws_url is None
            else client("secretsmanager", target.aws_url, target.region)
        )
        try:
            # AWS raises for a secret without a value, ministack answers without one.
            if manager.get_secret_value(SecretId=name).get("SecretString"):
                return
        except manager.exceptions.ResourceNotFoundException:
            pass
        tell(f"giving {name} a value")
        value = json.dumps({"jwt_secret": secrets.token_hex(32)})
        manager.put_secret_value(SecretId=name, SecretString=value)
    except (BotoCoreError, ClientError) as fault:
        raise DeployError(f"the secret {name} has no value yet: {fault}") from fault


def _urls(target: Target, region: Mapping[str, Any]) -> tuple[str, str]:
    if target.emulated is not None:
        url = target.emulated.gateway_url
        return url, url.replace("http", "ws", 1) + "/ws"
    first, http = region["websocket_apis"][0], region["http_api"]
    if first["domain"]:
        return f"https://{http['domain']}", f"wss://{first['domain']}"
    return str(http["endpoint"]), f"{first['endpoint']}/{first['stage']}"


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
