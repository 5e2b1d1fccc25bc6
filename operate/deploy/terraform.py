"""Run Terraform as a child process, with its provider, a time limit and progress lines.

The provider comes from the user's own CLI configuration (TF_CLI_CONFIG_FILE) when it exists; else
from a filesystem mirror, named by TIDINGS_TERRAFORM_MIRROR or found in a usual folder; else from
Terraform's registry.
https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import TookTooLongError, follow

OLDEST = (1, 9)
PROVIDER = "registry.terraform.io/hashicorp/aws"
_MIRROR_ROOTS = ("~/.terraform.d", "/usr/local/share", "/usr/share", "/opt", "/var/lib")
_MIRROR_DEPTH = 3
_PARALLEL = "-parallelism=30"  # most operations wait for AWS
_TAIL_LINES = 60
_DATA = re.compile(r'(module\.[^.[]+(\["[^"]*"\]|\[\d+\])?\.)*data\.')

Progress = Callable[[str], None]


class TerraformError(Exception):
    """Terraform is missing, failed or took too long; the text has its errors."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A resource of a plan, also one that stays as it is.

    Attributes:
        before, after: Its values, as far as they are known; None where it does not exist.
        actions: What happens to it, in this order: `no-op`, or `create`, `update`, `delete`.
    """

    address: str
    type: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A Terraform plan.

    Attributes:
        path: The plan file.
        changes: Types of resources that are created, changed or deleted; "" stands for an output.
        variables: The root's variables, with their final values.
        deletes: Resources that are deleted or replaced, by address, with their current values.
        resources: All of the root's, data sources left out.
    """

    path: Path
    changes: frozenset[str]
    variables: Mapping[str, Any]
    deletes: Mapping[str, Mapping[str, Any]]
    resources: tuple[Planned, ...] = ()


class Terraform:
    """One root module, run in `directory`.

    Args:
        directory: The root's folder.
        data_dir: Where Terraform keeps what it downloads; the root's `.terraform` by default.
        variable_files: Read in this order, after the variables of a call, so that the user's win.
            environment: Terraform's environment; this process's by default.
        progress: Gets a short line for every step.

    Raises:
        TerraformError: There is no Terraform, or it is too old.
    """

    def __init__(
        self,
        directory: Path,
        *,
        data_dir: Path | None = None,
        variable_files: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        progress: Progress = lambda line: None,
    ) -> None:
        self._directory = directory
        self._binary = find()
        self._progress = progress
        self._variable_files = [f"-var-file={path.resolve()}" for path in variable_files]
        self._scratch = tempfile.TemporaryDirectory(prefix="tidings-terraform-")
        self._environment = {
            **(os.environ if environment is None else environment),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            **({"TF_DATA_DIR": str(data_dir)} if data_dir else {}),
            **_cli_config(Path(self._scratch.name)),
        }

    def close(self) -> None:
        self._scratch.cleanup()

    def __enter__(self) -> Terraform:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def init(self, *options: str, timeout_s: float = 300) -> None:
        self._run("init", "-no-color", *options, timeout_s=timeout_s)

    def validate(self, timeout_s: float = 120) -> None:
        self._run("validate", "-no-color", timeout_s=timeout_s)

    def test(self, variables: Mapping[str, Any] | None = None, timeout_s: float = 300) -> str:
        """Run `terraform test` and return its output; it must pass."""
        with self._variables(variables) as given:
            return self._run("test", "-no-color", *given, timeout_s=timeout_s)

    def plan(
        self,
        variables: Mapping[str, Any],
        *,
        destroy: bool = False,
        replace: Sequence[str] = (),
        refresh: bool = True,
        timeout_s: float = 900,
    ) -> Plan:
        """Plan an apply or a destroy; `apply` carries out exactly this plan.

        Args:
            replace: Addresses of resources to make anew.
            refresh: Ask the cloud what there is, instead of the state.
        """
        path = Path(self._scratch.name, "plan")
        kind = ("-destroy",) if destroy else tuple(f"-replace={each}" for each in replace)
        kind += () if refresh else ("-refresh=false",)
        with self._variables(variables) as given:
            options = (*kind, "-json", _PARALLEL, f"-out={path}", *given)
            self._run("plan", *options, timeout_s=timeout_s)
        told = json.loads(self._ask("show", "-json", str(path), timeout_s=120))
        values = {name: each.get("value") for name, each in told.get("variables", {}).items()}
        return Plan(path, frozenset(_changed(told)), values, _deleted(told), tuple(_planned(told)))

    def describe(self, plan: Plan) -> str:
        """The plan as text."""
        return self._ask("show", "-no-color", str(plan.path), timeout_s=120).strip("\n")

    def apply(self, plan: Plan, timeout_s: float = 3600) -> None:
        """Carry out a plan; Terraform rejects it if the state has changed since."""
        self._run("apply", "-json", _PARALLEL, str(plan.path), timeout_s=timeout_s)

    def output(self, timeout_s: float = 60) -> dict[str, Any]:
        """The root's outputs by name."""
        found = json.loads(self._ask("output", "-json", timeout_s=timeout_s))
        return {name: output["value"] for name, output in found.items()}

    def resources(self, timeout_s: float = 60) -> list[str]:
        """Addresses of the resources in the state, without data sources."""
        listed = self._ask("state", "list", timeout_s=timeout_s).splitlines()
        return [address for address in listed if not _DATA.match(address)]

    def _ask(self, *command: str, timeout_s: float) -> str:
        """Run a command that changes nothing; return its whole output."""
        return self._run(*command, timeout_s=timeout_s, keep=None, tell=False)

    def _variables(self, variables: Mapping[str, Any] | None) -> _VariableFile:
        return _VariableFile(Path(self._scratch.name), variables or {}, self._variable_files)

    def _run(
        self,
        *command: str,
        timeout_s: float,
        keep: int | None = _TAIL_LINES,
        tell: bool = True,
    ) -> str:
        lines: deque[str] = deque(maxlen=keep)
        errors: list[str] = []

        def told(line: str) -> None:
            readable, is_error = _readable(line)
            if readable:
                lines.append(readable)
                if tell:
                    self._progress(readable)
            if is_error:
                errors.append(readable)

        try:
            code, noise = follow(
                [self._binary, *command],
                directory=self._directory,
                environment=self._environment,
                scratch=Path(self._scratch.name),
                timeout_s=timeout_s,
                tell=told,
                say=self._progress,
            )
        except TookTooLongError:
            text = "\n".join(errors or lines)
            raise TerraformError(
                f"terraform {command[0]} took over {timeout_s:.0f} s:\n{text}"
            ) from None
        if code:
            text = "\n".join(errors or [*lines, *noise])
            raise TerraformError(f"terraform {command[0]} failed ({code}):\n{text}")
        return "\n".join(lines)


class _VariableFile:
    """A file of variables: any type works, and command lines, which others can see, have none."""

    def __init__(
        self, folder: Path, variables: Mapping[str, Any], others: Sequence[str] = ()
    ) -> None:
        self._path = folder / "variables.tfvars.json"
        self._variables = variables
        self._others = others

    def __enter__(self) -> Iterator[str]:
        self._path.write_text(json.dumps(self._variables))
        own = [f"-var-file={self._path}"] if self._variables else []
        return iter([*own, *self._others])

    def __exit__(self, *fault: object) -> None:
        self._path.unlink()


def _changed(plan: Mapping[str, Any]) -> Iterator[str]:
    """The types of resources that a plan changes."""
    changes = [(one["type"], one["change"]) for one in plan.get("resource_changes", [])]
    changes += [("", change) for change in plan.get("output_changes", {}).values()]
    for kind, change in changes:
        if change["actions"] not in (["no-op"], ["read"]):
            yield kind


def _deleted(plan: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {
        one["address"]: one["change"]["before"]
        for one in plan.get("resource_changes", [])
        if "delete" in one["change"]["actions"]
    }


def _planned(plan: Mapping[str, Any]) -> Iterator[Planned]:
    for one in plan.get("resource_changes", []):
        if one.get("mode", "managed") == "managed":
            change = one["change"]
            address = one.get("address", one["type"])
            actions = tuple(change.get("actions", ()))
            before, after = change.get("before"), change.get("after")
            yield Planned(address, one["type"], before, after, actions)


def find() -> str:
    """Find Terraform on the PATH, 1.9 or later."""
    binary = shutil.which("terraform")
    if binary is None:
        raise TerraformError("terraform is not on the PATH: install 1.9 or later")
    try:
        answer = subprocess.run(
            [binary, "version", "-json"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env={**os.environ, "CHECKPOINT_DISABLE": "1"},
        )
        version = str(json.loads(answer.stdout)["terraform_version"])
    except subprocess.CalledProcessError as fault:
        said = f"{fault.stdout}{fault.stderr}".strip()
        raise TerraformError(f"{binary} failed ({fault.returncode}):\n{said}") from fault
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as fault:
        raise TerraformError(f"{binary} did not report its version: {fault!r}") from fault
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise TerraformError(f"terraform {version} is too old: install 1.9 or later")
    return binary


def find_mirror() -> Path | None:
    """Find a folder with the AWS provider, for machines without access to a registry."""
    named = os.environ.get("TIDINGS_TERRAFORM_MIRROR")
    if named:
        if not (Path(named) / PROVIDER).is_dir():
            raise TerraformError(f"TIDINGS_TERRAFORM_MIRROR: {named} has no {PROVIDER}")
        return Path(named)
    host = PROVIDER.partition("/")[0]
    for root in _MIRROR_ROOTS:
        for depth in range(_MIRROR_DEPTH):
            for found in sorted(Path(root).expanduser().glob("*/" * depth + host)):
                if (found.parent / PROVIDER).is_dir():
                    return found.parent
    return None


def _cli_config(folder: Path) -> dict[str, str]:
    given = os.environ.get("TF_CLI_CONFIG_FILE")
    if given and Path(given).is_file():
        return {}
    mirror = find_mirror()
    path = folder / "terraform.rc"
    path.write_text(
        ""
        if mirror is None
        else f"""provider_installation {{
  filesystem_mirror {{
    path    = {json.dumps(str(mirror))}
    include = ["{PROVIDER}"]
  }}
  direct {{
    exclude = ["{PROVIDER}"]
  }}
}}
"""
    )
    return {"TF_CLI_CONFIG_FILE": str(path)}


def _readable(line: str) -> tuple[str, bool]:
    """Return a `-json` output line's message with its detail, and whether it is an error.

    https://developer.hashicorp.com/terraform/internals/machine-readable-ui
    """
    try:
        event = json.loads(line)
    except ValueError:
        return line, False
    if not isinstance(event, dict) or "@message" not in event:
        return line, False
    detail = event.get("diagnostic", {})
    parts = (event["@message"], detail.get("address", ""), detail.get("detail", ""))
    return "\n  ".join(part for part in parts if part), event.get("@level") == "error"
