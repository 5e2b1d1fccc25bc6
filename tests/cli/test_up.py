"""What runs until Ctrl-C also ends with it before it runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.stack.children import free_port
from workbench.stack.embedded import ROOT

# Its only child is never ready; as soon as that is asked, there comes a Ctrl-C.
STARTING = """
import asyncio, os, signal
from workbench.cli import up
from workbench.stack.children import Child

class Stack:
    async def __aenter__(self):
        await asyncio.to_thread(Child, "slow", ["sleep", "600"], self.ready, ready_s=600)

    def ready(self):
        os.kill(os.getpid(), signal.SIGINT)
        return False

raise SystemExit(up.run(Stack, print))
"""


def test_ctrl_c_while_it_starts() -> None:
    command = [sys.executable, "-c", STARTING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "starting …\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--persist"], "--persist keeps the emulator's data"),
        (["--chaos"], "a single region, without chaos"),
        (["--regions", "us-east-1,eu-west-1"], "a single region, without chaos"),
    ],
)
def test_what_memory_cannot_do_is_refused(options: list[str], words: str) -> None:
    command = [sys.executable, "-m", "workbench.cli.main", "up", "--stores", "memory", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert words in " ".join(done.stderr.split())


def test_a_checkout_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    for name in ("chalicelib", "workbench", "web", "terraform"):
        ignored = shutil.ignore_patterns("__pycache__", ".terraform")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "app.py", tmp_path)
    (tmp_path / ".tidings").touch()
    command = [sys.executable, "-m", "workbench.cli.main", "up", "--port", str(free_port())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "cannot write" in said
    assert "checkout that you may write to" in said
    assert "Traceback" not in said
