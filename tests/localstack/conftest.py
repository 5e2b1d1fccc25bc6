"""One LocalStack without Docker for all tests, reached as its users reach it: localstack-client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from localstack_client.session import Session

from tests.support.localstack import Function, Told
from workbench.stack.children import Child, StackError, free_port
from workbench.stack.localstack import start_localstack
from workbench.stack.localstack_install import tools


@pytest.fixture(scope="package")
def port() -> int:
    return free_port()


@pytest.fixture(scope="package")
def child(port: int) -> Iterator[Child]:
    try:
        tools()
    except StackError as why:
        pytest.skip(str(why))
    child = start_localstack(port)
    yield child
    child.stop()


@pytest.fixture(scope="package")
def aws(child: Child, port: int) -> Session:
    return Session(localstack_host=f"127.0.0.1:{port}")


@pytest.fixture
def told(aws: Session) -> Iterator[Told]:
    told = Told(aws.client("sqs"))
    yield told
    told.close()


@pytest.fixture
def function(aws: Session) -> Iterator[Callable[..., Function]]:
    made: list[Function] = []

    def make(**settings: Any) -> Function:
        made.append(Function(aws.client("lambda"), **settings))
        made[-1].wait_active()
        return made[-1]

    yield make
    for each in made:
        each.close()
