"""Fixtures: a package, a copy of terraform/ to run in, and Terraform itself."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from operate.deploy import terraform
from operate.deploy.terraform import Terraform
from operate.package import Target, build, host_architecture
from tests.support.paths import ROOT
from tests.support.terraform import RootOf


@pytest.fixture(scope="session")
def package_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that this machine can run."""
    out = tmp_path_factory.mktemp("dist")
    build(Target(f"{sys.version_info.major}.{sys.version_info.minor}", host_architecture()), out)
    return out


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of terraform/, in a place where Terraform may leave its files."""
    copy = tmp_path_factory.mktemp("terraform") / "terraform"
    left_out = shutil.ignore_patterns(".terraform*", "terraform.tfstate*", "backend.tf")
    # The edge's tests read a table there, which the local gateway's tests use, too.
    shutil.copytree(ROOT / "tests" / "edge", copy.parent / "tests" / "edge")
    return shutil.copytree(ROOT / "terraform", copy, ignore=left_out)


@pytest.fixture
def root_of(folder: Path, package_dir: Path) -> Iterator[RootOf]:
    """Open a module's folder as a root, with the package available."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    opened: list[Terraform] = []

    def root(name: str) -> Terraform:
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TF_VAR_package_dir": str(package_dir),
        }
        opened.append(Terraform(folder / name, environment=environment))
        return opened[-1]

    yield root
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def terraform_binary() -> str:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    return terraform.find()
