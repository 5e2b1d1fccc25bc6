"""Terminals, as people use them who follow a document."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest

WAIT_S = 60.0


class Terminal:
    """A shell that is typed into.

    Attributes:
        seen: The lines that `shows` has passed.
    """

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
        self.seen: list[str] = []
        self._commands = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def types(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def runs(self, command: str) -> None:
        """Type a command once the last one has ended, which might read what is typed."""
        if self._commands:
            self.shows(self._end())
        self._commands += 1
        self.types(f"{command}; echo '{self._end()}'")

    def ends(self) -> None:
        """Wait for the end of the last command."""
        self.shows(self._end())

    def _end(self) -> str:
        return f"(end of command {self._commands})"

    def shows(self, text: str) -> None:
        """Wait for a line with this text, in which … stands for anything."""
        pattern = ".*".join(map(re.escape, text.split("…")))
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no {text!r}; after {self.seen}")
            self.seen.append(line)
            if re.search(pattern, line):
                return

    def close(self) -> None:
        os.killpg(self._process.pid, 15)
        self._process.wait(10)
