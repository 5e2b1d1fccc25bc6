"""What only emulators need: a check that the right ones run, and their own state.

Emulators lose everything when they end, so a state may describe one that is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operate.clients import client
from operate.probes import answers, healthy

from .errors import DeployError
from .targets import NAME, Emulated, Name

# What a user adds to the root for AWS, and what Terraform leaves there.
_FOR_AWS = ("backend.tf", "*_override.tf", "*.tfvars", "*.tfvars.json", ".terraform*", "*.tfstate*")
_STATE = "terraform.tfstate"


def require_running(name: Name, at: Emulated) -> None:
    """Check that the emulators run, before any step that takes long.

    Raises:
        DeployError: An emulator or the gateway does not answer, or is another one.
    """
    start = f"start localstack/up --emulator {name}"
    here = next((kind for kind in ("ministack", "localstack") if _is(kind, at.aws_url)), None)
    if here is None:
        raise DeployError(f"no {name} answers at {at.aws_url}: {start}")
    if here != name:
        raise DeployError(f"{here} answers at {at.aws_url}, not {name}: {start}")
    if at.beside_url and not _is("ministack", at.beside_url):
        raise DeployError(f"no ministack answers beside {name}, at {at.beside_url}: {start}")
    if not answers(at.gateway_url):
        raise DeployError(f"no gateway answers at {at.gateway_url}: {start}, or tidings gateway")


def _is(kind: str, url: str) -> bool:
    # ministack answers at LocalStack's path, too, so it is checked first.
    return healthy(f"{url.rstrip('/')}/_{kind}/health")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Allow one run at a time, as each makes the folder's root anew.

    Raises:
        DeployError: Another run uses the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DeployError(
                f"another deploy or destroy uses {folder}: wait until it ends"
            ) from None
        yield


def copy_root(root: Path, folder: Path) -> Path:
    """Copy the root as it is in the repository, with its state in the folder."""
    copy = folder / "root"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*_FOR_AWS))
    state = json.dumps(str((folder / _STATE).resolve()))
    backend = f'terraform {{\n  backend "local" {{\n    path = {state}\n  }}\n}}\n'
    (copy / "backend.tf").write_text(backend)
    return copy


def has_ended(at: Emulated, outputs: Mapping[str, Any]) -> bool:
    """Whether the state's emulator has ended: this one has none of the state's resources.

    Raises:
        DeployError: This emulator has another deployment, which this state must not change.
    """
    region, outputs_of = next(iter(outputs["regions"].items()))  # any region: each has a secret
    secret = outputs_of["secret"]
    try:
        secrets = client("secretsmanager", at.aws_url, region)
        # Its ARN ends in random letters, chosen when it was created.
        if _there(secrets, secret["arn"]):
            return False
        if _there(secrets, secret["name"]):
            raise DeployError(
                f"{at.aws_url} has a deployment that this checkout did not make: destroy it from "
                "where it was made, or restart the emulator"
            )
        functions = client("lambda", at.aws_url, region).list_functions()["Functions"]
    except (BotoCoreError, ClientError) as fault:
        raise DeployError(f"{at.aws_url} did not say what it has: {fault}") from fault
    return not any(each["FunctionName"].startswith(f"{NAME}-") for each in functions)


def _there(secrets: Any, secret_id: str) -> bool:
    try:
        secrets.describe_secret(SecretId=secret_id)
    except secrets.exceptions.ResourceNotFoundException:
        return False
    return True


def set_aside(folder: Path) -> Path:
    """Rename the state to start over; return its new name."""
    aside = folder / f"{_STATE}.ended"
    (folder / _STATE).replace(aside)
    return aside
