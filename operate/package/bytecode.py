"""Bytecode for the zip, so that a cold start compiles nothing: Lambda's disk is read-only.

Made by a Python of the target's own minor version, in one process, in the order of names. The
files are never compared with their sources (PEP 552, unchecked hash), so times do not matter. A
Python of another minor version ignores them and compiles the sources.
https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from operate import interpreters

from .checks import PackageError
from .target import Target

FACTS = "bytecode.json"
# What Lambda unpacks the zip into. A traceback has the real path wherever it runs, but an import
# need not correct it there.
_TASK = "/var/task"
_WITHIN_S = 120.0
# Only these: PYTHONHASHSEED and the encoding change the bytes.
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
_VERSION = "import platform; print(platform.python_implementation(), platform.python_version())"


@dataclass(frozen=True, slots=True)
class Compiler:
    """A Python that compiles for a target.

    Attributes:
        version: Implementation and release, such as "CPython 3.13.5": another release of 3.13 may
            give other bytes, which also run.
    """

    path: Path
    version: str


def find(target: Target, tell: Callable[[str], None]) -> Compiler:
    """Find a Python of the target's version on this machine, or let uv fetch one.

    Raises:
        PackageError: There is none, and none can be fetched.
    """
    path = interpreters.find_python(target.python)
    if path is None:
        tell(f"fetching Python {target.python}, which compiles the package")
        path = interpreters.fetch_python(target.python)
    if path is None:
        raise PackageError(
            f"python_not_found: Python {target.python} must compile the package; it is not on this "
            f"machine, and `uv python install {target.python}` failed. Install it, or package with "
            "--no-bytecode: each cold start then takes twice as long"
        )
    return Compiler(path, _run(path, "-c", _VERSION))


def compiled(files: Mapping[str, bytes], compiler: Compiler, target: Target) -> dict[str, bytes]:
    """Return the bytecode of all modules in `files` by name, and the facts about it.

    Raises:
        PackageError: A module does not compile.
    """
    with tempfile.TemporaryDirectory(prefix="tidings-bytecode-") as name:
        for source in sorted(files):
            if source.endswith(".py"):
                path = Path(name, source)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(files[source])
        _run(
            *(compiler.path, "-S", "-m", "compileall", "-q", "-j", "1"),
            *("--invalidation-mode", "unchecked-hash", "-s", name, "-p", _TASK, name),
        )
        made = {
            path.relative_to(name).as_posix(): path.read_bytes()
            for path in Path(name).rglob("*.pyc")
        }
    facts = {"python": target.python, "compiler": compiler.version, "files": len(made)}
    return made | {FACTS: (json.dumps(facts) + "\n").encode()}


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        command, env=_ENVIRONMENT, capture_output=True, text=True, timeout=_WITHIN_S, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-12:]
        raise PackageError("\n  ".join([f"{command[0]} cannot compile the package:", *said]))
    return done.stdout.strip()
