"""The zip's bytecode: the same bytes from the same input, used by its Python and by no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from operate.interpreters import find_python
from operate.package import PYTHONS, PackageError, Target, bytecode

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TARGET = Target(HERE)
FILES = {
    "app.py": b'"""Docs."""\nimport lib.a\nassert __debug__\nNAMES = {"a", "b", "c"} | {"d"}\n',
    "lib/__init__.py": b"",
    "lib/a.py": b"def f(x):\n    return x in {'p', 'q', 'r', 's'}\n",
    "lib/data.json": b"{}",
}
USE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import app, lib.a
print(json.dumps([app.__doc__, app.lib.a.f("q"), app.lib.a.f.__code__.co_filename]))
"""


def compiler() -> bytecode.Compiler:
    return bytecode.find(TARGET, lambda step: None)


def unpack(files: dict[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def use(python: str | Path, folder: Path) -> list[object]:
    command = [str(python), "-S", "-B", "-c", USE, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: list[object] = json.loads(done.stdout)
    return found


def test_the_same_files_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = bytecode.compiled(FILES, compiler(), TARGET)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("LC_ALL", "C")
    assert bytecode.compiled(dict(reversed(FILES.items())), compiler(), TARGET) == first
    wanted = {TARGET.cached(name) for name in FILES if name.endswith(".py")}
    assert set(first) == wanted | {bytecode.FACTS}


def test_the_zip_says_which_python_compiled_it() -> None:
    facts = json.loads(bytecode.compiled(FILES, compiler(), TARGET)[bytecode.FACTS])
    assert facts["python"] == HERE
    assert facts["compiler"] == f"CPython {sys.version.split()[0]}"
    assert facts["files"] == 3


def test_it_begins_as_that_of_a_release_of_its_version() -> None:
    found = {version: find_python(version) for version in PYTHONS}
    for version, python in found.items():
        if python is not None:
            target = Target(version)
            made = bytecode.compiled(FILES, bytecode.Compiler(python, ""), target)
            heads = {data[:4] for name, data in made.items() if name.endswith(".pyc")}
            assert heads == {target.magic}, version
    assert found[HERE] is not None


def test_its_python_runs_the_bytecode_without_a_look_at_the_source(tmp_path: Path) -> None:
    made = bytecode.compiled(FILES, compiler(), TARGET)
    sources = {name: b"raise SystemExit('compiled anew')" for name in FILES}
    folder = unpack({**sources, **made}, tmp_path)
    doc, answer, filename = use(sys.executable, folder)
    assert (doc, answer) == ("Docs.", True)
    assert filename == str(folder / "lib" / "a.py"), "a traceback has the real path"


def test_another_python_compiles_the_sources(tmp_path: Path) -> None:
    others = [find_python(version) for version in PYTHONS if version != HERE]
    found = [python for python in others if python is not None]
    if not found and "REQUIRE_ALL" not in os.environ:
        pytest.skip("this machine has one Python only")
    assert found
    made = bytecode.compiled(FILES, compiler(), TARGET)
    spoilt = {name: b"not bytecode" for name in made if name.endswith(".pyc")}
    folder = unpack({**FILES, **spoilt}, tmp_path)
    for python in found:
        assert use(python, folder)[:2] == ["Docs.", True]


def test_what_does_not_compile_is_said() -> None:
    with pytest.raises(PackageError, match=r"(?s)cannot compile the package:.*SyntaxError"):
        bytecode.compiled({**FILES, "broken.py": b"def ("}, compiler(), TARGET)


def test_a_python_that_cannot_be_found_or_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = next(version for version in reversed(PYTHONS) if version != HERE)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    told: list[str] = []
    with pytest.raises(PackageError, match=r"python_not_found: .*--no-bytecode"):
        bytecode.find(Target(other), told.append)
    assert told == [f"fetching Python {other}, which compiles the package"]
