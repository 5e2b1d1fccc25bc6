"""`tidings conformance` as a process, as the official suites use it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import aiohttp
import pytest

from tests.support.conformance import BEATING_MS, CALM_MS, Suite
from workbench.stack.children import free_port


class Server:
    """A server of its own, which starts beside others."""

    def __init__(self, heartbeat_ms: tuple[int, int], *options: str) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        interval_ms, timeout_ms = map(str, heartbeat_ms)
        command = [
            *(sys.executable, "-m", "workbench.cli.main", "conformance", "--port", str(port)),
            *("--ping-interval-ms", interval_ms, "--ping-timeout-ms", timeout_ms, *options),
        ]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True)
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def ready(self) -> str:
        """host:port, once it is there."""
        assert self._ready.wait(90), "the stack did not start"
        return self.address

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "Engine.IO" in line:
                self._ready.set()


@pytest.fixture(scope="package")
def servers() -> Iterator[dict[str, Server]]:
    """All that the package needs: while tests run on the first, the others start."""
    with ExitStack() as stop:
        started = {}
        for name, heartbeat_ms, *options in (
            ("strict", CALM_MS),
            ("binary", CALM_MS, "--allow-binary"),
            ("beating", BEATING_MS),
        ):
            started[name] = Server(heartbeat_ms, *options)
            stop.callback(started[name].stop)
        yield started


@pytest.fixture(scope="package", params=["strict", "binary"])
def calm(request: pytest.FixtureRequest, servers: dict[str, Server]) -> tuple[str, bool]:
    """host:port, and whether binary frames are taken."""
    return servers[request.param].ready(), request.param == "binary"


@pytest.fixture(scope="package")
def beating_address(servers: dict[str, Server]) -> str:
    return servers["beating"].ready()


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
