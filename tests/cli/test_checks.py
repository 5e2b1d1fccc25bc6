"""What cannot be is said in one sentence before anything starts."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbench.cli import checks, options
from workbench.cli.main import app


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--port", "99999"], "'PORT'): Input should be less than or equal to 65535"),
        (["--port", "-1"], "'PORT'): Input should be greater than or equal to 0"),
        (
            ["--region", "us-esat-1"],
            "not an AWS region: did you mean us-west-1 or us-east-1",
        ),
        (["--region", ""], "'' is not an AWS region: write for example us-east-1"),
        (["--region", "narnia"], "'narnia' is not an AWS region: write for example us-east-1"),
        (["--allow-origin", "*"], "name each origin"),
        (["--allow-origin", "localhost:3000"], "write it as http://localhost:3000, without a path"),
    ],
)
def test_it_is_one_sentence(given: list[str], words: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["up", *given], env={"TIDINGS_HOME": str(tmp_path)})
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


@pytest.mark.parametrize("name", ["us-gov-west-1", "cn-north-1"])
def test_regions_of_every_partition_are_known(name: str) -> None:
    assert options.region(name) == name


def test_origins_are_added_to_those_of_the_environment() -> None:
    assert checks.origins((), {}) == ""
    given = {"TIDINGS_ALLOWED_ORIGINS": "https://chat.example.com"}
    every = checks.origins(("http://localhost:3000",), given)
    assert every == "https://chat.example.com,http://localhost:3000"
    assert os.environ.get("TIDINGS_ALLOWED_ORIGINS") is None


@pytest.mark.parametrize("more", [[], ["--regions", "us-east-1,eu-west-1"]])
def test_a_setting_that_functions_would_refuse(tmp_path: Path, more: list[str]) -> None:
    env = {"TIDINGS_HOME": str(tmp_path), "TIDINGS_JWKS_URL": "https://login.example.com/keys"}
    done = CliRunner().invoke(app, ["up", *more], env=env)
    assert done.exit_code == 2
    assert "TIDINGS_JWKS_URL: set TIDINGS_JWT_ISSUER and TIDINGS_JWT_AUDIENCE, too" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
