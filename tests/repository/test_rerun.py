"""What `--rerun` forgives: a failure that does not happen again; nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.rerun import MOST

ONCE = """
from pathlib import Path

def test_fails_once():
    seen = Path(__file__).with_name("seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
ALWAYS = "def test_fails():\n    assert False\n"
ERROR = """
import pytest

@pytest.fixture
def broken():
    raise RuntimeError

def test_errs(broken):
    pass
"""


def run(folder: Path, *options: str, **files: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    for name, code in files.items():
        (folder / f"test_{name}.py").write_text(code)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.support.rerun", *options, str(folder)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_what_does_not_fail_again_is_named_and_passes(tmp_path: Path, workers: list[str]) -> None:
    ran = run(tmp_path, "--rerun", *workers, once=ONCE, fine="def test_fine(): pass")
    assert ran.returncode == 0
    assert "UNSTABLE test_once.py::test_fails_once" in ran.stdout


@pytest.mark.parametrize("code", [ALWAYS, ERROR], ids=["failure", "error"])
def test_what_fails_again_fails_the_run(tmp_path: Path, code: str) -> None:
    ran = run(tmp_path, "--rerun", once=ONCE, broken=code)
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED
    assert "UNSTABLE" not in ran.stdout


def test_many_failures_fail_the_run(tmp_path: Path) -> None:
    ran = run(
        tmp_path, "--rerun", **{f"once{n}": ONCE.replace("seen", f"s{n}") for n in range(MOST + 1)}
    )
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED


def test_without_the_option_nothing_is_forgiven(tmp_path: Path) -> None:
    assert run(tmp_path, once=ONCE).returncode == pytest.ExitCode.TESTS_FAILED


def test_a_run_that_did_not_end_is_not_forgiven(tmp_path: Path) -> None:
    torn = run(tmp_path, "--rerun", once=ONCE, torn="raise KeyboardInterrupt")
    assert torn.returncode == pytest.ExitCode.INTERRUPTED
    (tmp_path / "test_torn.py").unlink()
    stopped = run(tmp_path, "--rerun", "-x", once=ONCE, z="def test_not_reached(): pass")
    assert stopped.returncode == pytest.ExitCode.TESTS_FAILED
