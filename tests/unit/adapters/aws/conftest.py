"""Clients of a test, closed at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.aws_clients import Maker


@pytest.fixture
def make() -> Iterator[Maker]:
    maker = Maker()
    yield maker
    for client in maker.made:
        client.close()
