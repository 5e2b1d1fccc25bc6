"""A backend for the tests of the client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import Server, serve

from tests.support.client_backend import Backend


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend()
    server: Server
    async with serve(
        backend.serve, "127.0.0.1", 0, process_request=backend.gate, compression=None
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        backend.url = f"ws://127.0.0.1:{port}"
        yield backend
