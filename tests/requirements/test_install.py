"""requirements/install.py: the programs that it runs, and its messages when they fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import install
import pytest
from layers import LAYERS, NODE, ROOT


def program(path: Path, script: str) -> Path:
    """Make a program that writes its arguments to `calls` beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{path.name} $*" >> "{path.parent}/calls"\n{script}\n')
    path.chmod(0o755)
    return path


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def asked(root: Path, name: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run install.py of a checkout at `root`, with only `path` on the PATH."""
    for each in ("install.py", "layers.py"):
        (root / "requirements").mkdir(exist_ok=True)
        shutil.copy(ROOT / "requirements" / each, root / "requirements" / each)
    return subprocess.run(
        [sys.executable, str(root / "requirements" / "install.py"), name],
        env={**os.environ, "PATH": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_python_that_is_too_old_is_named_with_what_to_do() -> None:
    install.check_python((3, 11))
    install.check_python((4, 0))
    with pytest.raises(
        install.SetupError, match=r"Python 3\.11 or later; .* is 3\.10\. (Add PYTHON=|Install)"
    ):
        install.check_python((3, 10))


def test_a_checkout_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(install.SetupError, match=r"Cannot write to .*/file \(Not a directory\)"):
        install.check_writable(tmp_path / "file")
    install.check_writable(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_locked_is_installed_and_then_the_project(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python", "exit 0")
    program(tmp_path / "bin" / "uv", "exit 0")
    install.install("test", tmp_path)
    probe, pip, packages, project = calls(tmp_path / "bin")
    assert probe.startswith("python -c ")
    assert "--require-hashes" in pip
    assert pip.endswith(f"-r {ROOT}/requirements/uv.txt")
    assert "--require-hashes" in packages
    assert packages.endswith(" ".join(f"-r {ROOT / locked}" for locked in LAYERS["test"]))
    assert project.endswith(f"--offline --no-deps --no-build-isolation --editable {ROOT}")


def test_pip_installs_where_uv_cannot(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python", "exit 0")
    program(tmp_path / "bin" / "uv", 'case "$*" in *--require-hashes*) exit 1;; esac')
    install.install("run", tmp_path)
    [instead] = [call for call in calls(tmp_path / "bin") if "run.txt" in call and "pip" in call][
        1:
    ]
    assert instead.startswith("python -m pip install")
    assert "--require-hashes" in instead


def test_an_environment_without_pip_or_interpreter_is_made_again(tmp_path: Path) -> None:
    assert not install.usable(tmp_path / "bin" / "python")
    assert not install.usable(program(tmp_path / "half" / "python", "exit 1"))
    assert install.usable(program(tmp_path / "whole" / "python", "exit 0"))


def test_without_a_network_the_last_words_are_shown_and_what_to_do(tmp_path: Path) -> None:
    pip = program(tmp_path / "pip", "seq 100; echo no route to host; exit 1")
    with pytest.raises(install.SetupError) as raised:
        install.run("pip", [str(pip)])
    said = str(raised.value).splitlines()
    assert said[0].startswith("pip failed. Is there a network?")
    assert said[-1] == "  no route to host"
    assert len(said) < 20


def test_without_npm_it_says_what_to_install(tmp_path: Path) -> None:
    done = asked(tmp_path, "node", tmp_path)
    assert done.returncode == 1
    assert "npm is not on the PATH: install Node.js" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_npm_could_not_do_is_said(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "npm", "echo getaddrinfo EAI_AGAIN >&2; exit 1")
    done = asked(tmp_path, "node", tmp_path / "bin")
    assert done.returncode == 1
    assert "npm failed. Is there a network?" in done.stderr
    assert "getaddrinfo EAI_AGAIN" in done.stderr
    [call] = calls(tmp_path / "bin")
    assert call.startswith(f"npm ci --prefix {tmp_path}/{NODE[0]} --ignore-scripts")


@pytest.mark.parametrize(
    ("target", "installed"),
    [("run", ["run"]), ("package", ["run"]), ("test", ["run", "test"]), ("check", ["run", "dev"])],
)
def test_a_target_installs_what_it_needs_and_no_more(target: str, installed: list[str]) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if "install.py" in line]
    assert [line.split()[-1] for line in lines] == installed
