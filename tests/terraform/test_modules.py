"""Every module and root is formatted and valid, and passes its tests on mocked providers.

`terraform test` validates before it runs anything. They run in sequence, as the provider is a large
process.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.paths import ROOT
from tests.support.terraform import RootOf

TERRAFORM = ROOT / "terraform"
MODULES = sorted(f"modules/{path.name}" for path in (TERRAFORM / "modules").iterdir())
ROOTS = [".", *sorted(f"examples/{path.name}" for path in (TERRAFORM / "examples").iterdir())]


@pytest.mark.extended
def test_everything_is_formatted(terraform_binary: str) -> None:
    command = [terraform_binary, "fmt", "-check", "-recursive", "-diff", str(TERRAFORM)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.extended
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", [*MODULES, *ROOTS])
def test_valid_and_its_tests_pass(root_of: RootOf, name: str) -> None:
    root = root_of(name)
    root.init("-backend=false")
    summary = root.test().splitlines()[-1]
    assert re.fullmatch(r"Success! [1-9]\d* passed, 0 failed\.", summary), summary


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_what_its_reader_expects(name: str) -> None:
    module = TERRAFORM / name
    files = {path.name for path in module.iterdir()}
    assert {"README.md", "main.tf", "outputs.tf", "variables.tf", "versions.tf"} <= files
    assert list((module / "tests").glob("*.tftest.hcl"))
