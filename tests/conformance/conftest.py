"""`tidings conformance` as a process, as the official suites are run against it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from workbench.stack.children import free_port

from .client import INTERVAL_MS, TIMEOUT_MS, Suite


@pytest.fixture(scope="package", params=["strict", "binary"])
def address(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    """host:port, and whether binary frames are taken."""
    port, binary = free_port(), request.param == "binary"
    command = [
        *(sys.executable, "-m", "workbench.cli.main", "conformance", "--port", str(port)),
        *("--ping-interval-ms", str(INTERVAL_MS), "--ping-timeout-ms", str(TIMEOUT_MS)),
        *(["--allow-binary"] if binary else []),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if "Engine.IO" in line:
                ready.set()

    threading.Thread(target=read, daemon=True).start()
    try:
        assert ready.wait(90), "the stack did not start"
        yield f"127.0.0.1:{port}", binary
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
async def engine(address: tuple[str, bool]) -> AsyncIterator[Suite]:
    async with aiohttp.ClientSession() as http:
        yield Suite(http, f"{address[0]}/engine.io/", address[1])


@pytest.fixture
async def socket(address: tuple[str, bool]) -> AsyncIterator[Suite]:
    async with aiohttp.ClientSession() as http:
        yield Suite(http, f"{address[0]}/socket.io/", address[1])
