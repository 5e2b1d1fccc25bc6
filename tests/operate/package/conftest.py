"""Packages for the tests: one for AWS, one that this interpreter can run."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from operate.package import Target, build, host_architecture


@pytest.fixture(scope="session")
def command_output(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What `tidings package --json` prints about the package for AWS."""
    out = tmp_path_factory.mktemp("aws")
    command = [sys.executable, "-m", "workbench.cli.main", "package", "--out", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def for_aws(command_output: Any) -> Path:
    """Its folder."""
    return Path(command_output["out"])


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip for this machine and this Python, unpacked as Lambda does."""
    out = tmp_path_factory.mktemp("host")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    build(Target(python, host_architecture()), out)
    with zipfile.ZipFile(out / "deployment.zip") as archive:
        archive.extractall(out / "task")
    return out / "task"
