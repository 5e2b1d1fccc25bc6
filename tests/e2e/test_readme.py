"""The README's section "Without the page", typed into shells as it stands."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import HERE as NODE
from tests.support.node import installed
from tests.support.stacks import Stack

README = Path(__file__).resolve().parents[2] / "README.md"
WAIT_S = 60.0


def section() -> str:
    _, _, rest = README.read_text().partition("### Without the page\n")
    return rest.partition("\n## ")[0]


class Terminal:
    """A shell that is typed into."""

    def __init__(self, folder: Path, url: str) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env={**os.environ, "TIDINGS_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._seen: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def types(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def shows(self, text: str) -> None:
        """Wait for a line with this text, in which … stands for anything."""
        pattern = ".*".join(map(re.escape, text.split("…")))
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no {text!r}; after {self._seen}")
            self._seen.append(line)
            if re.search(pattern, line):
                return

    def close(self) -> None:
        os.killpg(self._process.pid, 15)
        self._process.wait(10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the checkout has, where files may be written."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    return tmp_path


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.mark.embedded("one stack is enough: what it tries is the README")
def test_every_example_runs_as_it_stands(
    stack: Stack, folder: Path, terminals: list[Terminal]
) -> None:
    installed()
    text = section().replace("http://127.0.0.1:8080", stack.url)
    text = text.replace("ws://127.0.0.1:8080/ws", stack.ws_url)
    assert ":8080" not in text
    [name] = re.findall(r"this is `(\w+\.mjs)`", text)
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert [kind for kind, _ in blocks] == ["console", "console", "js", "console", "console"]
    for kind, block in blocks:
        if kind == "js":
            (folder / name).write_text(block)
            continue
        terminals.append(Terminal(folder, stack.url))
        for line in block.splitlines():
            if line.startswith(("$ ", "> ")):
                terminals[-1].types(line[2:])
            else:
                terminals[-1].shows(line)
    [heard] = re.findall(r"`([^`]+)` appears there", text)
    terminals[2].shows(heard)
