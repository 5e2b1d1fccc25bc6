"""Finding a Python: on the PATH if it runs there, else where pyenv keeps its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from operate.interpreters import fetch_python, find_python


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH but the system's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    return folder


def test_one_on_the_path_is_found(path: Path) -> None:
    program(path / "python3.99", "echo 3.99 /somewhere/python")
    assert find_python("3.99") == Path("/somewhere/python")


def test_a_shim_that_refuses_is_passed_over_for_the_one_behind_it(
    path: Path, tmp_path: Path
) -> None:
    program(path / "python3.99", "echo 'not the chosen version' >&2; exit 127")
    program(path / "pyenv", f"echo {tmp_path}")
    program(tmp_path / "versions" / "3.99.1" / "bin" / "python", "echo 3.99 $0")
    assert find_python("3.99") == tmp_path / "versions" / "3.99.1" / "bin" / "python"


def test_one_that_is_another_version_than_its_name_says_is_not_taken(path: Path) -> None:
    program(path / "python3.99", f'exec {sys.executable} "$@"')
    assert find_python("3.99") is None


def test_uvs_own_are_found(path: Path, tmp_path: Path) -> None:
    python = tmp_path / "uv" / "cpython-3.99.0-linux-x86_64-gnu" / "bin" / "python"
    program(python, "echo 3.99 $0")
    assert find_python("3.99") == python


def test_nothing_is_found_where_nothing_is(path: Path) -> None:
    assert find_python("3.99") is None


def test_the_running_version_is_found() -> None:
    assert find_python(f"{sys.version_info[0]}.{sys.version_info[1]}") is not None


def test_uv_fetches_one(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for uv, which would download it."""
    python = tmp_path / "uv" / "cpython-3.99.0-linux-x86_64-gnu" / "bin" / "python"
    program(tmp_path / "made", "echo 3.99 $0")
    program(
        tmp_path / "fetcher",
        f'[ "$2" = dir ] && echo {tmp_path / "uv"} && exit\n'
        f'[ "$*" = "python install --no-bin 3.99" ] || exit 1\n'
        f"mkdir -p {python.parent} && cp {tmp_path / 'made'} {python}",
    )
    monkeypatch.setattr("uv.find_uv_bin", lambda: str(tmp_path / "fetcher"))
    assert find_python("3.99") is None
    assert fetch_python("3.99") == python


def test_what_uv_does_not_have_or_reach_is_not_fetched(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert fetch_python("3.99") is None
