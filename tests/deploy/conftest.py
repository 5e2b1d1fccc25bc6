"""One ministack that runs functions, for all tests of what is deployed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.support import REGION, Emulator
from workbench.stack.children import free_port, start_ministack
from workbench.stack.lambda_python import lambda_python


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    python = lambda_python(tmp_path_factory.mktemp("lambda"))
    child = start_ministack(port, REGION, function_python=python)
    yield f"http://127.0.0.1:{port}"
    child.stop()


@pytest.fixture
def emulator(emulator_url: str) -> Emulator:
    return Emulator(emulator_url)
