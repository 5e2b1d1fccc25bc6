"""Terraform as `tidings deploy` calls it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workbench.deploy.terraform import Terraform

pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform here")


def test_what_people_say_in_a_file_wins_over_a_target_s_own(tmp_path: Path) -> None:
    root, files = tmp_path / "root", tmp_path / "files"
    root.mkdir()
    files.mkdir()
    names = ("target", "first", "last")
    declared = "".join(
        f'variable "{name}" {{}}\noutput "{name}" {{ value = var.{name} }}\n' for name in names
    )
    (root / "main.tf").write_text(declared)
    given = [files / "first.tfvars", files / "last.tfvars"]
    given[0].write_text('first = "first"\nlast = "first"\n')
    given[1].write_text('last = "last"\n')
    with Terraform(root, variable_files=given) as terraform:
        terraform.init()
        terraform.apply(dict.fromkeys(names, "target"))
        assert terraform.output() == {name: name for name in names}
