"""Real AWS APIs for contract tests: one ministack per run, separate tables for each test.

This is a plugin of tests/conftest.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters import sdk
from chalicelib.adapters.aws import client
from workbench.stack import resources
from workbench.stack.children import free_port, start_ministack

REGION = "us-east-1"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ministack:
    """A running emulator.

    Attributes:
        prefix: The prefix of this test's tables and queues.
        urls: Queue URLs by short name.
    """

    endpoint_url: str
    prefix: str
    urls: dict[str, str]

    def client(self, service: str) -> Any:
        """The product's client, for what is tested."""
        return client(service, REGION, self.endpoint_url)

    def sdk(self, service: str) -> Any:
        """botocore's client, for what a test does beside it."""
        return sdk.client(service, REGION, self.endpoint_url)


_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture(scope="session")
def ministack_process() -> Iterator[str]:
    """Its URL; `ministack_url` also sets the keys."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in _KEYS.items():
            environment.setenv(name, value)
        child = start_ministack(port := free_port(), REGION)
    yield f"http://127.0.0.1:{port}"
    child.stop()


@pytest.fixture
def ministack_url(ministack_process: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sets the keys for each test: a stack that stops restores the environment it started in."""
    for name, value in _KEYS.items():
        monkeypatch.setenv(name, value)
    return ministack_process


@pytest.fixture
def ministack(ministack_url: str) -> Ministack:
    prefix = f"t{next(_numbers)}"
    urls = resources.create(resources.load(), prefix, ministack_url, REGION)
    return Ministack(ministack_url, prefix, urls)


class Distorted:
    """A client that records its calls and answers the next ones as a test specifies.

    Attributes:
        calls: (operation, arguments) of every call, oldest first.
    """

    def __init__(self, real: Any) -> None:
        self._real = real
        self._script: dict[str, list[Callable[..., Any]]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def answer(self, operation: str, *acts: Callable[..., Any]) -> None:
        """Pass the next calls of `operation` to `acts(real_call, **arguments)`, one each."""
        self._script.setdefault(operation, []).extend(acts)

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.calls]

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        real = getattr(self._real, operation)

        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments))
            waiting = self._script.get(operation)
            return waiting.pop(0)(real, **arguments) if waiting else real(**arguments)

        return call
