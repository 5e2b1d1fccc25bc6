"""`terraform test` of each module that has tests: its variables and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.deploy.terraform import Terraform, TerraformError, find

MODULES = Path(__file__).resolve().parents[2] / "terraform" / "modules"
TESTED = sorted({path.parents[1] for path in MODULES.glob("*/tests/*.tftest.hcl")})


def test_edge_and_monitoring_have_tests() -> None:
    assert {"edge", "monitoring"} <= {module.name for module in TESTED}


@pytest.mark.parametrize("module", TESTED, ids=lambda module: module.name)
def test_a_module(module: Path, tmp_path: Path) -> None:
    try:
        find()
    except TerraformError as missing:
        pytest.skip(str(missing))
    with Terraform(module, data_dir=tmp_path) as terraform:
        terraform.init("-backend=false")
        told = terraform.test()
    assert "0 failed" in told, told
