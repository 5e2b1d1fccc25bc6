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
from collections.abc import Callable, Mapping, Sequence
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


def deploy(
    target: Target,
    *,
    variable_files: Sequence[Path] = (),
    variables: Mapping[str, Any] | None = None,
    confirm: Confirm = lambda plan: True,
    tell: Tell = lambda line: None,
    state: Path | None = None,
) -> Deployed:
    """Bring `target` to what this checkout is.

    Args:
        variables: Over those of the target and of the files.
        confirm: Asked with Terraform's plan before anything changes.
        state: Folder of an emulator's Terraform state; `.tidings/deploy/<target>` by default.

    Raises:
        DeployError: Not confirmed, no answer from Secrets Manager, not healthy in time.
        PackageError, TerraformError: As they say.
    """
    deployed, folder = Deployed(), state or _folder(target)
    timed = _timer(deployed.seconds)
    out = ROOT / "dist" if target.emulated is None else folder / "dist"
    with timed("package"):
        package.build(target.package, out, tell)
    with _terraform(target, folder, variable_files, tell) as terraform:
        given = {**target.variables(), **(variables or {}), "package_dir": str(out)}
        with timed("init"):
            terraform.init()
        if target.emulated is None:
            changes = terraform.changes(given)
            if changes and not confirm(changes):
                raise DeployError("not confirmed, nothing was changed")
        with timed("apply"):
            terraform.apply(given)
        deployed.outputs = terraform.output()
        deployed.resources = len(terraform.resources())
    region = deployed.outputs["regions"][target.region]
    with timed("secret"):
        _give_secret(target, region["secret"]["name"], tell)
    deployed.url, deployed.websocket_url = _urls(target, region)
    with timed("health"):
        _wait_healthy(f"{deployed.url}/v1/health", tell)
    return deployed


def changes(
    target: Target,
    *,
    variable_files: Sequence[Path] = (),
    variables: Mapping[str, Any] | None = None,
    state: Path | None = None,
) -> str:
    """What another apply would change, "" for nothing. The package is that of the last one."""
    folder = state or _folder(target)
    out = ROOT / "dist" if target.emulated is None else folder / "dist"
    with _terraform(target, folder, variable_files, lambda line: None) as terraform:
        given = {**target.variables(), **(variables or {}), "package_dir": str(out)}
        return terraform.changes(given)


def destroy(
    target: Target,
    *,
    variable_files: Sequence[Path] = (),
    variables: Mapping[str, Any] | None = None,
    tell: Tell = lambda line: None,
    state: Path | None = None,
) -> None:
    """Undo it, tables included. On AWS deletion protection has to be taken off before."""
    folder = state or _folder(target)
    out = ROOT / "dist" if target.emulated is None else folder / "dist"
    if not (out / "package.json").exists():
        package.build(target.package, out, tell)  # Terraform reads it for a destroy too
    with _terraform(target, folder, variable_files, tell) as terraform:
        terraform.init()
        terraform.destroy({**target.variables(), **(variables or {}), "package_dir": str(out)})


def _folder(target: Target) -> Path:
    return ROOT / ".tidings" / "deploy" / target.name


def _terraform(
    target: Target, folder: Path, variable_files: Sequence[Path], tell: Tell
) -> Terraform:
    """The production root. An emulator gets none of the developer's own AWS credentials."""
    root = ROOT / "terraform"
    if target.emulated is None:
        return Terraform(root, variable_files=variable_files, progress=tell)
    folder.mkdir(parents=True, exist_ok=True)
    return Terraform(
        root,
        data_dir=folder / "data",
        state=folder / "terraform.tfstate",
        variable_files=variable_files,
        environment={
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SESSION_TOKEN": "",
            "AWS_PROFILE": "",
        },
        progress=tell,
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
            manager.get_secret_value(SecretId=name)
            return
        except manager.exceptions.ResourceNotFoundException:
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
    def timed(step: str) -> Any:
        started = time.monotonic()
        yield
        seconds[step] = round(time.monotonic() - started, 1)

    return timed
