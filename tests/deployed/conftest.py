"""One ministack that runs functions, for all tests of what is deployed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deployed.support import REGION, Emulator
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
