"""`tidings conformance` as a process, as the official suites use it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import pytest

from tests.support.conformance import BEATING_MS, CALM_MS, Suite
from workbench.stack.children import free_port


@contextmanager
def served(heartbeat_ms: tuple[int, int], *options: str) -> Iterator[str]:
    """Run a server; yield its host:port."""
    port = free_port()
    interval_ms, timeout_ms = map(str, heartbeat_ms)
    command = [
        *(sys.executable, "-m", "workbench.cli.main", "conformance", "--port", str(port)),
        *("--ping-interval-ms", interval_ms, "--ping-timeout-ms", timeout_ms, *options),
    ]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True)
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if "Engine.IO" in line:
                ready.set()

    threading.Thread(target=read, daemon=True).start()
    try:
        assert ready.wait(90), "the stack did not start"
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="package", params=["strict", "binary"])
def calm(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    """host:port, and whether binary frames are accepted."""
    binary = request.param == "binary"
    with served(CALM_MS, *(["--allow-binary"] if binary else [])) as address:
        yield address, binary


@pytest.fixture(scope="package")
def beating_address() -> Iterator[str]:
    with served(BEATING_MS) as address:
        yield address


@pytest.fixture
async def engine(calm: tuple[str, bool]) -> AsyncIterator[Suite]:
    async with aiohttp.ClientSession() as http:
        yield Suite(http, f"{calm[0]}/engine.io/", calm[1])


@pytest.fixture
async def socket(calm: tuple[str, bool]) -> AsyncIterator[Suite]:
    async with aiohttp.ClientSession() as http:
        yield Suite(http, f"{calm[0]}/socket.io/", calm[1])


@pytest.fixture
async def beating(beating_address: str) -> AsyncIterator[Suite]:
    """Engine.IO's echo with a quick heartbeat."""
    async with aiohttp.ClientSession() as http:
        yield Suite(http, f"{beating_address}/engine.io/", False)
