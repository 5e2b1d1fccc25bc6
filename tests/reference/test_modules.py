"""The READMEs of Terraform's modules agree with their files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from workbench.reference import modules
from workbench.reference.sections import names


@pytest.mark.parametrize("folder", modules.FOLDERS, ids=lambda folder: folder.name)
def test_a_readme_is_what_the_files_say(folder: Path) -> None:
    readme = (folder / "README.md").read_text()
    assert names(readme) == ["variables", "outputs"]
    assert modules.made(folder) == readme, "run `make reference`"


def test_every_module_has_one() -> None:
    found = {path.parent for path in (ROOT / "terraform" / "modules").glob("*/main.tf")}
    assert {*found, ROOT / "terraform"} == set(modules.FOLDERS)


@pytest.mark.parametrize("folder", modules.FOLDERS, ids=lambda folder: folder.name)
def test_nothing_is_left_out(folder: Path) -> None:
    for kind, table in (("variable", modules.variables), ("output", modules.outputs)):
        text = (folder / f"{kind}s.tf").read_text()
        declared = re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE)
        rows = re.findall(r"^\| `(\w+)` \|", table(folder), re.MULTILINE)
        assert rows == declared


def test_what_a_row_says(tmp_path: Path) -> None:
    (tmp_path / "variables.tf").write_text(
        'variable "a" {\n  description = "Said \\"so\\" | or not."\n'
        "  type        = list(string)\n}\n\n"
        'variable "b" {\n  description = <<-EOT\n    One.\n    Two.\n  EOT\n'
        "  type        = object({ x = string, y = optional(number, 1) })\n  default     = {}\n}\n"
    )
    assert modules.variables(tmp_path).splitlines()[2:] == [
        '| `a` | `list(string)` | required | Said "so" \\| or not. |',
        "| `b` | `object(x, y)` | `{}` | One. Two. |",
    ]
