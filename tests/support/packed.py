"""The clients' packages, packed and installed elsewhere, without a network."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.node import client_packages, node
from tests.support.paths import ROOT

_TIMEOUT_S = 120


def javascript(folder: Path) -> list[str]:
    """Pack clients/js and install it with its example into a new folder; the command that runs it.

    Node before version 22 has no WebSocket, so the example's `ws` is there, too.
    """
    packages, npm = client_packages(), shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder.mkdir()
    source = folder / "source"  # as packing builds beside the sources
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(ROOT / "clients/js", source, ignore=ignored)
    (source / "node_modules").symlink_to(packages)
    _run(npm, "pack", "--silent", "--pack-destination", str(folder), cwd=source)
    [packed] = folder.glob("*.tgz")
    app = folder / "app"
    app.mkdir()
    (app / "package.json").write_text("{}")
    offline = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(npm, "install", *offline, "--install-links", str(packed), str(packages / "ws"), cwd=app)
    shutil.copy(ROOT / "clients/js/examples/chat/chat.mjs", app)
    return [node(), str(app / "chat.mjs")]


def python(folder: Path) -> list[str]:
    """Build the wheel of clients/python and install it with its example into a new environment."""
    folder.mkdir()
    source = folder / "source"  # as a build writes beside its sources
    shutil.copytree(ROOT / "clients/python", source)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    _run(*wheel, "--no-index", "--wheel-dir", str(folder), str(source), cwd=folder)
    [packed] = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    interpreter = folder / "venv/bin/python"
    [library] = (folder / "venv/lib").glob("*/site-packages")
    for path in _files_of("websockets"):
        shutil.copytree(path, library / path.name)
    into = [sys.executable, "-m", "pip", "--python", str(interpreter)]
    _run(*into, "install", "--quiet", "--no-index", str(packed), cwd=folder)
    shutil.copy(ROOT / "clients/python/examples/chat.py", folder)
    return [str(interpreter), "-I", str(folder / "chat.py")]


KINDS = {"javascript": javascript, "python": python}


def _files_of(package: str) -> list[Path]:
    """The folders of an installed package: itself, and what is known of it."""
    site = Path(str(importlib.metadata.distribution(package).locate_file("")))
    return [site / package, *site.glob(f"{package}-*.dist-info")]


def _run(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
