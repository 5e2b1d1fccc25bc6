"""The twin of trails: see `ports.Trails`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

from ...kernel.errors import CacheDown
from ...model.connections import Target
from ...model.identifiers import Stream
from ...model.sessions import Trail


class MemoryTrails:
    """
    Attributes:
        down: While true every call raises `CacheDown`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trails: dict[str, tuple[Trail, dict[Stream, int]]] = {}
        self.down = False

    def flush(self) -> None:
        self._trails.clear()

    def start(self, sid: str, trail: Trail, seen: Mapping[Stream, int]) -> None:
        with self._lock:
            self._up()
            self._trails[sid] = replace(trail, seq=None), dict(seen)

    def begin(self, sid: str, stream: Stream) -> Trail | None:
        with self._lock:
            self._up()
            if sid not in self._trails:
                return None
            trail, seen = self._trails[sid]
            self._trails[sid] = replace(trail, in_doubt=True), seen
            return replace(trail, seq=seen.get(stream))

    def done(self, sid: str, trail: Trail, stream: Stream, seq: int) -> None:
        with self._lock:
            self._up()
            if sid in self._trails:
                held, seen = self._trails[sid]
                kept = replace(held, checkpoint_id=trail.checkpoint_id, since=trail.since)
                self._trails[sid] = replace(kept, in_doubt=False), {**seen, stream: seq}

    def undo(self, sid: str) -> None:
        with self._lock:
            self._up()
            if sid in self._trails:
                trail, seen = self._trails[sid]
                self._trails[sid] = replace(trail, in_doubt=False), seen

    def seen(self, sid: str) -> dict[Stream, int]:
        with self._lock:
            self._up()
            return dict(self._trails[sid][1]) if sid in self._trails else {}

    def follow(self, sid: str, target: Target) -> None:
        with self._lock:
            self._up()
            if sid in self._trails:
                trail, seen = self._trails[sid]
                self._trails[sid] = replace(trail, target=target), seen

    def _up(self) -> None:
        if self.down:
            raise CacheDown("the cache is down")
