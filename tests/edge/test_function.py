"""The unit tests of terraform/modules/edge/function.js, under Node."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.node import node

HERE = Path(__file__).parent


def test_the_function_under_node() -> None:
    run = subprocess.run(
        [node(), "--test", "function.test.mjs"],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
