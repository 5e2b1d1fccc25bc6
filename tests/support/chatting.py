"""An example application of a client: what is typed, and what it prints."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, Self

WAIT_S = 90.0  # a region that is drained moves its clients within as much


class Chatting:
    """A context: the running application.

    Attributes:
        printed: Its lines of output.
        told: Those of its standard error.
    """

    def __init__(
        self, command: Sequence[str], url: str, user: str, room: str, **environment: str
    ) -> None:
        self.printed: list[str] = []
        self.told: list[str] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [*command, url, user, room],
            env={"PATH": os.environ["PATH"], "PYTHONUTF8": "1", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        pairs = (self._process.stdout, self.printed), (self._process.stderr, self.told)
        self._readers = [threading.Thread(target=self._read, args=pair) for pair in pairs]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait(WAIT_S)
        for reader in self._readers:
            reader.join(WAIT_S)

    def type(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def end(self) -> int:
        """End its input; its exit code, once it has ended and all that it said was read."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(WAIT_S)
        for reader in self._readers:
            reader.join(WAIT_S)
        return code

    def until_printed(self, line: str) -> None:
        self._until(lambda: line in self.printed, f"printed {line!r}")

    def until_told(self, text: str) -> None:
        self._until(lambda: any(text in each for each in self.told), f"told {text!r}")

    def until_online(self) -> None:
        self._until(lambda: "online" in self.told, "online")

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        with self._changed:
            while not holds():
                left_s = deadline - time.monotonic()
                said = f"not {what}: {self.printed}, {self.told}"
                assert left_s > 0, said
                self._changed.wait(left_s)

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
