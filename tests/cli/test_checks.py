"""What cannot be is said in one sentence before anything starts."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbench.cli import checks
from workbench.cli.main import app
from workbench.stack.children import Unusable


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "99999"], "99999 is no port: choose one up to 65535"),
        (["--port", "-1"], "-1 is no port"),
        (["--region", "us-esat-1"], "'us-esat-1' is no AWS region: did you mean"),
        (["--region", ""], "'' is no AWS region: choose one"),
        (["--region", "narnia"], "'narnia' is no AWS region: choose one"),
        (["--allow-origin", "*"], "name each origin"),
        (["--allow-origin", "localhost:3000"], "localhost:3000 is no origin: write it as"),
    ],
)
def test_it_is_one_sentence(options: list[str], words: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["up", *options], env={"TIDINGS_HOME": str(tmp_path)})
    assert done.exit_code == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert isinstance(done.exception, SystemExit)
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = str(holder.getsockname()[1])
        done = CliRunner().invoke(app, ["up", "--port", taken], env={"TIDINGS_HOME": str(tmp_path)})
    assert done.exit_code == 2
    assert f"port {taken} is taken: choose another with PORT=" in done.stderr


def test_a_typo_s_region_is_among_the_proposed() -> None:
    with pytest.raises(Unusable, match="us-east-1"):
        checks.region("us-esat-1")
    checks.region("us-gov-west-1")
    checks.region("cn-north-1")


def test_origins_are_added_to_those_of_the_environment() -> None:
    assert checks.origins((), {}) == ""
    given = {"TIDINGS_ALLOWED_ORIGINS": "https://chat.example.com"}
    every = checks.origins(("http://localhost:3000",), given)
    assert every == "https://chat.example.com,http://localhost:3000"
    assert os.environ.get("TIDINGS_ALLOWED_ORIGINS") is None
