"""Jobs for tests of queues."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sent:
    """A job to queue."""

    kind: str
    group: str | None = None
    dedupe: str | None = None
    delay_s: int = 0

    def record(self) -> dict[str, str]:
        return {"kind": self.kind}
