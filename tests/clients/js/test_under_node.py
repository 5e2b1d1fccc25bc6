"""The unit tests of clients/js, under Node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_the_client_module_under_node() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    files = sorted(path.name for path in HERE.glob("*.test.mjs"))
    run = subprocess.run(
        [node, "--test", *files], cwd=HERE, capture_output=True, text=True, timeout=150
    )
    assert run.returncode == 0, run.stdout + run.stderr
