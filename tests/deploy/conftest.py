"""One ministack that runs functions, for all tests of what is deployed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.stand_in import StandIn
from tests.deploy.support import REGION, Emulator
from workbench.lambdas.python import lambda_python
from workbench.stack.children import free_port, start_lambda, start_ministack


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    child = start_ministack(port, REGION)
    yield f"http://127.0.0.1:{port}"
    child.stop()


@pytest.fixture(scope="session")
def lambda_url(emulator_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    python = lambda_python(tmp_path_factory.mktemp("lambda") / "python")
    child = start_lambda(port, emulator_url, REGION, python)
    yield f"http://127.0.0.1:{port}/"
    child.stop()


@pytest.fixture
def emulator(emulator_url: str, lambda_url: str) -> Emulator:
    return Emulator(emulator_url, lambda_url)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    for name in [name for name in os.environ if name.startswith(("AWS_ENDPOINT_URL", "TF_"))]:
        monkeypatch.delenv(name)
    return StandIn(programs)
