"""Fakes of what surrounds a region: metrics, the bus of its processes, other regions' health."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.kernel.errors import CacheDown


class RecordingMetrics:
    def __init__(self) -> None:
        self.values: list[tuple[str, float, str]] = []

    def put(self, values: Mapping[str, tuple[float, str]], at_ms: int) -> None:
        self.values += [(name, value, unit) for name, (value, unit) in values.items()]


class MemoryClusterBus:
    """A bus that passes each event to all its listeners at once."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[str, Mapping[str, Any]], None]] = []
        self.down = False

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        if self.down:
            raise CacheDown("the cache is down")
        for heard in self.listeners:
            heard(event, data)

    def listen(self, heard: Callable[[str, Mapping[str, Any]], None]) -> None:
        if heard not in self.listeners:
            self.listeners.append(heard)

    def close(self) -> None:
        self.listeners.clear()


class FakePeers:
    """URLs in `up` are healthy; every question is recorded."""

    def __init__(self) -> None:
        self.up: set[str] = set()
        self.asked: list[str] = []

    def healthy(self, url: str) -> bool:
        self.asked.append(url)
        return url in self.up
