"""A readable record of a run: what happened, when and where."""

from __future__ import annotations

from collections.abc import Callable


class Trace:
    """Lines of a run; kept only when someone will read them."""

    def __init__(self, now_us: Callable[[], int], kept: bool = False) -> None:
        self.lines: list[str] = []
        self._now_us = now_us
        self.is_kept = kept

    def call(self, task: str, what: str, fault: str | None) -> None:
        """A port was called."""
        if self.is_kept:
            self.note(f"{task}: {what}" + (f"  <-- {fault}" if fault else ""))

    def note(self, text: str) -> None:
        if self.is_kept:
            self.lines.append(f"{self._now_us() / 1e6:11.6f}  {text}")
