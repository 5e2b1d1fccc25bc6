"""The package as a whole: the same from any checkout, and complete."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from operate.package import Package, PackageError, Target, build
from operate.package.build import ROOT
from operate.package.manifest import Manifest
from operate.triggers import load

INPUT = ["app.py", "requirements.txt", ".chalice/config.json", "terraform/resources.json"]
FILES = [*INPUT, *(str(p.relative_to(ROOT)) for p in (ROOT / "chalicelib").rglob("*.py"))]


def checkout(root: Path, names: Iterable[str], time_s: int, mode: int) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, path)
        path.chmod(mode)
        os.utime(path, (time_s, time_s))
    return root


@pytest.mark.extended
def test_checkouts_of_another_order_time_and_mode_give_the_same_bytes(tmp_path: Path) -> None:
    first = checkout(tmp_path / "a", sorted(FILES), 1_000_000_000, 0o644)
    other = checkout(tmp_path / "b", sorted(FILES, reverse=True), 1_700_000_000, 0o600)
    (other / "chalicelib/__pycache__").mkdir()
    (other / "chalicelib/__pycache__/ids.cpython-311.pyc").write_bytes(b"stale")
    (other / "chalicelib/ids.py~").write_text("an editor's copy")
    a = build(Target(), tmp_path / "first", root=first)
    b = build(Target(), tmp_path / "second", root=other)
    assert a == b
    for name in ("deployment.zip", "chalice.tf.json", "package.json"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


@pytest.mark.extended
def test_the_command_prints_the_facts(command_output: Any, for_aws: Path) -> None:
    facts = json.loads((for_aws / "package.json").read_text())
    assert command_output == {"out": str(for_aws), **facts}


def test_a_target_that_nobody_has_is_refused_by_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workbench.cli.main", "package", "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--architecture", "riscv"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "riscv: not one of arm64, x86_64" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_facts_are_those_of_the_zip(for_aws: Path) -> None:
    facts = json.loads((for_aws / "package.json").read_text())
    data = (for_aws / "deployment.zip").read_bytes()
    assert base64.b64decode(facts["sha256_base64"]) == hashlib.sha256(data).digest()
    assert facts["bytes"] == len(data) <= 13_000_000
    assert (facts["runtime"], facts["architecture"]) == ("python3.13", "arm64")
    assert facts["bytecode"].startswith("CPython 3.13.")
    assert set(facts["functions"]) == load(ROOT / "app.py").functions


def test_chalicelib_is_all_there_and_nothing_of_the_workbench(for_aws: Path) -> None:
    with zipfile.ZipFile(for_aws / "deployment.zip") as archive:
        names = set(archive.namelist())
        times = {info.date_time for info in archive.infolist()}
    assert {name for name in FILES if name.endswith(".py")} <= names
    assert not [name for name in names if name.split("/")[0] in ("tests", "workbench", "boto3")]
    assert times == {(1980, 1, 1, 0, 0, 0)}


def test_the_manifest_is_of_the_target(for_aws: Path) -> None:
    manifest = Manifest(json.loads((for_aws / "chalice.tf.json").read_text()))
    for function in manifest.functions():
        assert (function.runtime, function.architecture) == ("python3.13", "arm64")
        assert function.memory_mb >= 256
    assert manifest.routes() == load(ROOT / "app.py").routes


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """What an earlier run has left."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/deployment.zip").write_bytes(b"old")
    return tmp_path / "dist"


def test_a_pin_that_nobody_has_is_said_and_the_old_package_stays(tmp_path: Path, old: Path) -> None:
    root = checkout(tmp_path / "a", FILES, 0, 0o644)
    with (root / "requirements.txt").open("a") as file:
        file.write("typing-extensions==0.0.1\n")
    with pytest.raises(PackageError, match=r"pip failed with exit code 1"):
        build(Target(), old, root=root)
    assert [path.name for path in old.iterdir()] == ["deployment.zip"]
    assert (old / "deployment.zip").read_bytes() == b"old"


def test_a_file_that_is_not_the_locked_one_is_refused(tmp_path: Path, old: Path) -> None:
    root = checkout(tmp_path / "a", FILES, 0, 0o644)
    pins = (root / "requirements.txt").read_text()
    (root / "requirements.txt").write_text(re.sub("sha256:....", "sha256:0000", pins))
    with pytest.raises(PackageError, match="DO NOT MATCH THE HASHES"):
        build(Target(), old, root=root)
    assert (old / "deployment.zip").read_bytes() == b"old"


@pytest.mark.extended
def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, old: Path) -> None:
    root = checkout(tmp_path / "a", FILES, 0, 0o644)
    pins = (root / "requirements.txt").read_text()
    others = re.sub(r"^annotated-types==.*\n(?: .*\n)+", "", pins, flags=re.MULTILINE)
    (root / "requirements.txt").write_text(others)
    config = json.loads((root / ".chalice/config.json").read_text())
    del config["stages"]["prod"]["lambda_functions"]["sweep"]
    (root / ".chalice/config.json").write_text(json.dumps(config))
    with pytest.raises(PackageError) as raised:
        build(Target(), old, root=root)
    assert "pydantic needs annotated-types: add it to requirements/lambda.in" in str(raised.value)
    assert "functions in .chalice/config.json: missing sweep" in str(raised.value)
    assert (old / "deployment.zip").read_bytes() == b"old"


@pytest.mark.extended
def test_steps_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    package = build(Target(), tmp_path, told.append)
    assert isinstance(package, Package)
    assert told[1] == "fetching wheels for python3.13 on arm64"
    assert told[3] == f"compiling with {package.bytecode}"
    assert len(told) == 6
