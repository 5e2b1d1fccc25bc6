"""One ministack for all tests of the stack; each test has queues of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from tests.support.ministack import REGION
from workbench.stack.children import free_port, start_ministack

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    port = free_port()
    child = start_ministack(port, REGION)
    yield f"http://127.0.0.1:{port}"
    child.stop()


@pytest.fixture(scope="session")
def aws(endpoint: str) -> Callable[[str], Any]:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    def client(service: str, region: str = REGION) -> Any:
        return boto3.client(service, endpoint_url=endpoint, region_name=region, **keys)

    return client


@pytest.fixture(scope="session")
def sqs(aws: Callable[[str], Any]) -> Any:
    return aws("sqs")


@pytest.fixture
def make_queue(sqs: Any) -> Callable[..., str]:
    def make(*, fifo: bool = False, **attributes: str) -> str:
        name = f"q{next(_numbers)}" + (".fifo" if fifo else "")
        wanted = {"FifoQueue": "true", **attributes} if fifo else attributes
        return str(sqs.create_queue(QueueName=name, Attributes=wanted)["QueueUrl"])

    return make
