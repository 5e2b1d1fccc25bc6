"""The twin of the probes: calls are made at once, on this thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...kernel.errors import TidingsError, Unavailable


class MemoryProbes:
    """See `ports.Probes`.

    Attributes:
        hanging: Names of calls that do not return.
        silent: Stages whose @connections does not answer.
        asked: Every API that was asked, as `api id/stage`.
    """

    def __init__(self) -> None:
        self.hanging: set[str] = set()
        self.silent: set[str] = set()
        self.asked: list[str] = []

    def answering(self, calls: Mapping[str, Callable[[], object]]) -> dict[str, bool]:
        return {
            name: name not in self.hanging and self._returns(call) for name, call in calls.items()
        }

    def ask_connections(self, api_id: str, stage: str) -> None:
        self.asked.append(f"{api_id}/{stage}")
        if stage in self.silent:
            raise Unavailable("injected")

    def _returns(self, call: Callable[[], object]) -> bool:
        try:
            call()
        except TidingsError:
            return False
        return True
