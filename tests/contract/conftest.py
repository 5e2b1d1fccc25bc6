"""The backends of the contract suites: each test runs in memory and on the real service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.ports.connections import ConnectionStore
from chalicelib.ports.log import MessageLog
from chalicelib.ports.rooms import RoomStore
from tests.support.cache import Backend, Rig, backend_of, rig_on
from tests.support.ministack import Ministack
from tests.support.stores import Stores, in_memory, on_dynamodb
from tests.support.valkey import valkey


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return in_memory()
    stack: Ministack = request.getfixturevalue("ministack")
    return on_dynamodb(stack.client("dynamodb"), stack.prefix)


@pytest.fixture
def log(stores: Stores) -> MessageLog:
    return stores.log


@pytest.fixture
def rooms(stores: Stores) -> RoomStore:
    return stores.rooms


@pytest.fixture
def connections(stores: Stores) -> ConnectionStore:
    return stores.connections


@pytest.fixture(scope="package", params=["memory", "valkey", "cluster"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with backend_of(request.param) as backend:
        yield backend


@pytest.fixture
def rig(backend: Backend) -> Rig:
    """An empty cache."""
    return rig_on(backend)


@pytest.fixture(scope="package")
def valkey_url() -> Iterator[str]:
    with valkey() as server:
        yield server.url
