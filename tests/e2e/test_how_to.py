"""The commands of how-tos for the local stack, run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.stacks import Stack

WAIT_S = 120.0


def commands(name: str) -> list[str]:
    """Blocks of a how-to, but those that run until they are stopped."""
    text = (ROOT / "docs" / "how-to" / f"{name}.md").read_text()
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for block in blocks if not re.search("make run|tidings chat", block)]


@pytest.mark.embedded("one stack is enough: what it tries are the documents")
@pytest.mark.parametrize("name", ["make-rooms", "issue-tokens", "run-two-users-locally"])
def test_commands_run_as_they_stand(stack: Stack, tmp_path: Path, name: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    [block] = commands(name)
    script = re.sub(r"^\$ ", "", block, flags=re.MULTILINE)
    script = script.replace("http://127.0.0.1:8080", stack.url).replace("curl ", "curl --fail ")
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "TIDINGS_URL": stack.url},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
