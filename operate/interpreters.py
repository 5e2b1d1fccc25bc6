"""Where this machine keeps its Pythons: emulators and the package need other versions than ours.

As a program, `python -m operate.interpreters 3.13` says where that version is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import uv

_FETCH_S = 300.0
_PROBE = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"


def find_python(version: str) -> Path | None:
    """An interpreter of `version` ("3.13"): this one, or one on the PATH, of pyenv or of uv."""
    for candidate in _candidates(version):
        found, _, executable = _output(str(candidate), "-c", _PROBE).partition(" ")
        if found == version:
            return Path(executable)
    return None


def fetch_python(version: str) -> Path | None:
    """Let uv download `version` ("3.13") into its own folder; None if it cannot."""
    command = [uv.find_uv_bin(), "python", "install", "--no-bin", version]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_FETCH_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    return find_python(version) if done.returncode == 0 else None


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    for directory in os.get_exec_path():
        yield Path(directory, f"python{version}")
    # pyenv's shims stand on the PATH and refuse every version but the chosen one.
    if root := _output("pyenv", "root"):
        yield from sorted(Path(root, "versions").glob(f"{version}.*/bin/python"), reverse=True)
    if root := _output(uv.find_uv_bin(), "python", "dir"):
        yield from sorted(Path(root).glob(f"cpython-{version}.*/bin/python"), reverse=True)


def _output(*command: str) -> str:
    """What it prints; nothing when it fails or is not there."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    found = find_python(sys.argv[1])
    if found is None:
        sys.exit(f"no Python {sys.argv[1]} found")
    print(found)
