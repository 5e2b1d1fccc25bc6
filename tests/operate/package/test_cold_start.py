"""The measurement of cold starts runs, on this interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.extended
@pytest.mark.timeout(300)
def test_init_and_the_first_message_of_the_unpacked_zip() -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TIDINGS_"))}
    command = [sys.executable, "-m", "workbench.load.cold_start", "--runs", "1", "--json"]
    done = subprocess.run(
        [*command, "--python", HERE], env=env, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["runtime"] == f"python{HERE}"
    for how in ("shipped", "sources"):
        assert all(value > 0 for value in found[how].values()), found
        assert found[how]["second_cpu_ms"] < found[how]["first_cpu_ms"], found
    assert found["shipped"]["init_cpu_ms"] < found["sources"]["init_cpu_ms"], found


def test_an_interpreter_that_nobody_has_is_said() -> None:
    command = [sys.executable, "-m", "workbench.load.cold_start", "--python", "9.9"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no Python 9.9 found: give its path with --interpreter" in done.stderr
