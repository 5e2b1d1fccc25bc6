"""The backends of the contract suites: each test runs in memory and on the real service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.ports.connections import ConnectionStore
from chalicelib.ports.log import MessageLog
from chalicelib.ports.rooms import RoomStore
from tests.support.cache import Backend, Rig, backend_of, rig_on
from tests.support.ministack import Ministack
from tests.support.stores import HERE, THERE, MemoryTables, Stores, in_memory, on_dynamodb
from tests.support.valkey import valkey


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return in_memory()
    stack: Ministack = request.getfixturevalue("ministack")
    return on_dynamodb(stack.client("dynamodb"), stack.prefix)


@pytest.fixture(params=["memory", "dynamodb"])
def regions(request: pytest.FixtureRequest) -> tuple[Stores, Stores, Stores]:
    """The stores here, there, and of a deployment of one region, all on the same tables."""
    known = ((HERE, THERE), (THERE, HERE), (HERE,))
    if request.param == "memory":
        tables = MemoryTables()
        here, there, alone = (in_memory(*each, tables=tables) for each in known)
    else:
        stack: Ministack = request.getfixturevalue("ministack")
        dynamodb = stack.client("dynamodb")
        here, there, alone = (on_dynamodb(dynamodb, stack.prefix, *each) for each in known)
    return here, there, alone


@pytest.fixture
def here(regions: tuple[Stores, Stores, Stores]) -> Stores:
    return regions[0]


@pytest.fixture
def there(regions: tuple[Stores, Stores, Stores]) -> Stores:
    return regions[1]


@pytest.fixture
def alone(regions: tuple[Stores, Stores, Stores]) -> Stores:
    return regions[2]


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
