"""Posters of a test, stopped at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.apigateway.poster import ApiGatewayPoster
from chalicelib.adapters.http.sigv4 import Credentials
from tests.support.fake_gateway import FakeGateway, Make
from tests.support.world import FakeClock


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as gateway:
        yield gateway


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make(clock: FakeClock) -> Iterator[Make]:
    made: list[ApiGatewayPoster] = []

    def build(gateway: FakeGateway | str, **more: Any) -> ApiGatewayPoster:
        url = gateway if isinstance(gateway, str) else gateway.url
        options = {"credentials": lambda: Credentials("AK", "SK", "TOKEN"), "clock": clock, **more}
        made.append(ApiGatewayPoster("us-east-1", url, **options))
        return made[-1]

    yield build
    for poster in made:
        poster.stop()
