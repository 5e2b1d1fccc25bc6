"""`make run` passes on what it is given."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a `make test ARGS=…` around this test passes on, by name and as make's own flags.
GIVEN = ("PORT", "REGION", "REGIONS", "PERSIST", "ARGS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS")


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ([], ["--port", "8080", "--region", "us-east-1"]),
        (["PORT=9000", "REGION=eu-west-1"], ["--port", "9000", "--region", "eu-west-1"]),
        (["PERSIST=1"], ["--port", "8080", "--region", "us-east-1", "--persist"]),
        (["PERSIST=0"], ["--port", "8080", "--region", "us-east-1"]),
        (["REGIONS=us-east-1,eu-west-1"], ["--port", "8080", "--regions", "us-east-1,eu-west-1"]),
        (["REGIONS="], ["--port", "8080", "--region", "us-east-1"]),
        (["ARGS=--shards 2"], ["--port", "8080", "--region", "us-east-1", "--shards", "2"]),
    ],
)
def test_options_of_make_run(given: list[str], options: list[str]) -> None:
    command = ["make", "--dry-run", "--assume-old=.venv/.run", "run", *given]
    env = {k: v for k, v in os.environ.items() if k not in GIVEN}
    told = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    line = next(each for each in told.stdout.splitlines() if "tidings up" in each)
    # Make passes SIGTERM on to its child only: a shell would die of it and leave the stack alone.
    assert line.replace('"', "").split() == ["exec", ".venv/bin/tidings", "up", *options]
