"""One embedded stack for all end-to-end tests: real gateway, ministack, Valkey, pumps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.people import People
from workbench.stack.embedded import EmbeddedStack, StackThread


@pytest.fixture(scope="session")
def stack() -> Iterator[EmbeddedStack]:
    thread = StackThread(port=0)
    yield thread.start()
    thread.stop()


@pytest.fixture
def people(stack: EmbeddedStack) -> Iterator[People]:
    with People(stack.url, stack.ws_url) as people:
        yield people
