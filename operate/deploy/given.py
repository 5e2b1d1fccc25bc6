"""The values that a user gives Terraform's variables, as Terraform itself reads their files.

Terraform reads them into a root of its own, whose variables take anything: no provider, no state,
no credentials, and what the real root's types would drop or convert is still there.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .terraform import Terraform

# In Terraform's order: later ones win, and --var-file comes after all.
# https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence
_AUTOMATIC = ("terraform.tfvars", "terraform.tfvars.json")
_UNDECLARED = re.compile(r'does not declare a variable named "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Given:
    """What was given.

    Attributes:
        values: By variable, those that have one.
        undeclared: Names of variables that the root does not have.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    undeclared: Sequence[str] = ()


def files_of(root: Path) -> list[Path]:
    """The files that Terraform reads without being told."""
    automatic = sorted([*root.glob("*.auto.tfvars"), *root.glob("*.auto.tfvars.json")])
    return [path for path in (*(root / name for name in _AUTOMATIC), *automatic) if path.exists()]


def read(
    names: Sequence[str], files: Sequence[Path], environment: Mapping[str, str] = os.environ
) -> Given:
    """Read files of variables, and the variables TF_VAR_….

    Args:
        names: Of the root's variables.

    Raises:
        TerraformError: A file cannot be read, or Terraform is missing.
    """
    if not files and not any(name.startswith("TF_VAR_") for name in environment):
        return Given()
    undeclared: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tidings-variables-") as folder:
        blocks = [f'variable "{name}" {{\n  default = null\n}}\n' for name in names]
        Path(folder, "main.tf").write_text("".join(blocks))
        with Terraform(
            Path(folder),
            variable_files=files,
            environment=environment,
            progress=lambda line: undeclared.extend(_UNDECLARED.findall(line)),
        ) as terraform:
            found = terraform.plan({}).variables
    return Given({name: each for name, each in found.items() if each is not None}, undeclared)
