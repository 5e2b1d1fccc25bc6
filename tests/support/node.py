"""Node with a stock socket.io-client, controlled by lines of JSON."""

from __future__ import annotations

import itertools
import json
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT

HERE = Path(__file__).resolve().parents[1] / "node"
WAIT_S = 40.0


def node() -> str:
    """The path of Node; skips the test if Node is not installed."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed")
    return found


def installed() -> str:
    """The path of Node; skips the test if Node or the client is not installed."""
    if not (HERE / "node_modules" / "socket.io-client").is_dir():
        pytest.skip("socket.io-client is not installed: make node")
    return node()


def client_packages() -> Path:
    """Where the packages of `clients/js` are installed; skips the test if they are not."""
    packages = ROOT / "clients/js/node_modules"
    if not packages.is_dir():
        pytest.skip("the packages of clients/js are not installed: make node")
    return packages


class NodeClient:
    """One client process.

    Attributes:
        told: All that it has reported so far.
    """

    def __init__(self, url: str, namespace: str = "", **options: Any) -> None:
        self._process = subprocess.Popen(
            [installed(), "client.mjs", url],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._numbers = itertools.count(1)
        self.told: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()
        self._say({"connect": options, "namespace": namespace})

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def _say(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def wait(
        self, event: str, matches: Callable[[dict[str, Any]], bool] = lambda told: True
    ) -> dict[str, Any]:
        """Wait for the first matching report, among past ones too."""
        deadline = time.monotonic() + WAIT_S
        seen = 0
        while True:
            for told in self.told[seen:]:
                if told["event"] == event and matches(told):
                    return told
            seen = len(self.told)
            self._take(deadline)

    def peek(self) -> None:
        """Read the reports that are there, without waiting."""
        while not self._lines.empty():
            self.told.append(json.loads(self._lines.get()))

    def emit(self, name: str, data: Any = None, **more: Any) -> None:
        self._say({"emit": [name, data], **more})

    def ask(self, name: str, data: Any = None, **more: Any) -> Any:
        """Emit an event and return its ack's one argument."""
        number = next(self._numbers)
        self.emit(name, data, ack=number, **more)
        [answer] = self.wait("ack", lambda told: told["ack"] == number)["answer"]
        return answer

    def act(self, name: str, data: Any = None, **more: Any) -> Any:
        answer = self.ask(name, data, **more)
        assert answer["ok"] is True, answer
        return answer["data"]

    def messages(self, name: str = "message_received") -> list[dict[str, Any]]:
        return [t["args"][0] for t in self.told if t["event"] == "message" and t["name"] == name]

    def heard(self, count: int) -> list[dict[str, Any]]:
        """Wait for at least `count` messages."""
        deadline = time.monotonic() + WAIT_S
        while len(self.messages()) < count:
            self._take(deadline)
        return self.messages()

    def burst(self, name: str, data: Any, *, base64: str, count: int, gap_ms: int) -> None:
        """Emit an event with binary content many times; each answer is a report `burst`."""
        self._say({"burst": [name, data], "base64": base64, "count": count, "gap": gap_ms})

    def beside(self, namespace: str) -> None:
        """Connect another namespace over the same transport; the report is `beside`."""
        self._say({"beside": namespace})

    def crowd(self, everyone: list[dict[str, Any]]) -> None:
        """Open further clients; `crowd` reports how many are connected."""
        self._say({"crowd": everyone})

    def cut(self) -> None:
        self._say({"cut": True})

    def reconnect(self) -> None:
        self._say({"reconnect": True})

    def disconnect(self) -> None:
        self._say({"disconnect": True})

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def _take(self, deadline: float) -> None:
        try:
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(
                f"no further reports; the last ones are {self.told[-5:]}"
            ) from None
        self.told.append(json.loads(line))
