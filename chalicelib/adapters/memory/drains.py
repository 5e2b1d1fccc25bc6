"""The twin of the region's drain: see `ports.Drains`."""

from __future__ import annotations

import threading

from ...model.draining import Drain


class MemoryDrains:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drain: Drain | None = None
        self._turns: dict[int, int] = {}

    def get(self) -> Drain | None:
        with self._lock:
            return self._drain

    def start(self, now_ms: int, over_ms: int) -> Drain:
        with self._lock:
            started_ms = self._drain.started_ms if self._drain is not None else now_ms
            self._drain = Drain(started_ms, over_ms)
            return self._drain

    def stop(self) -> None:
        with self._lock:
            self._drain = None
            self._turns.clear()

    def take_turn(self, drain: Drain, bucket: int, now_ms: int, next_ms: int) -> bool:
        with self._lock:
            held = self._drain
            if held is None or held.started_ms != drain.started_ms:
                return False
            if self._turns.get(bucket, 0) > now_ms:
                return False
            self._turns[bucket] = next_ms
            return True
