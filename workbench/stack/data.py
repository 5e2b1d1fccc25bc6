"""What a local stack keeps from one run to the next: the emulator's state and its tokens' secret.

Redis is not kept: what it holds is made anew from the tables.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from . import private
from .children import StackError, Unusable

_WRITTEN = "dynamodb.json"  # by ministack, among others, when it ends


class Data:
    """A folder, for its user's eyes only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._before = 0

    def secret(self) -> str:
        """The same in every run."""
        path = self._made() / "jwt_secret"
        if not path.exists():
            private.write(path, secrets.token_hex(32))
        return path.read_text()

    def emulator(self) -> Path:
        """Where ministack finds its state and leaves it; call it before ministack starts."""
        self._before = self._stamp()
        return self._made() / "ministack"

    def require_written(self) -> None:
        """After ministack's end: it says in its log only that it could not write.

        Raises:
            StackError: Its state is that of before.
        """
        if self._stamp() == self._before:
            raise StackError(
                f"what was sent in this run is not kept: the emulator has not written its state "
                f"to {self.folder}. Is there space left? It writes when the stack is stopped, not "
                "when it is killed"
            )

    def _stamp(self) -> int:
        """When the state was written, 0 for never."""
        try:
            return (self.folder / "ministack" / _WRITTEN).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _made(self) -> Path:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            raise Unusable(f"{self.folder} cannot be written: {fault.strerror}") from fault
        return self.folder
