"""The twin of trails: see `ports.Trails`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...kernel.errors import CacheDown
from ...model.connections import Target
from ...model.identifiers import Stream
from ...model.sessions import Trail


@dataclass(frozen=True, slots=True)
class _KeptTrail:
    """A trail, the seq sent of each stream, and the epoch of the data in which it was started."""

    trail: Trail
    seen: Mapping[Stream, int]
    epoch: int


class MemoryTrails:
    """
    Attributes:
        down: While true every call raises `CacheDown`.
        copy: What a replica that lags has: the trails as they were when `lag` was called.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trails: dict[str, _KeptTrail] = {}
        self._epoch = 0
        self.copy: dict[str, _KeptTrail] = {}
        self.down = False

    def flush(self) -> None:
        self._trails.clear()

    def lag(self) -> None:
        """From now on, a replica does not get what is written."""
        self.copy = dict(self._trails)

    def fail_over(self) -> None:
        """Continue with the replica's data."""
        self._trails, self._epoch = dict(self.copy), self._epoch + 1

    def start(self, sid: str, trail: Trail, seen: Mapping[Stream, int]) -> None:
        with self._lock:
            self._up()
            self._trails[sid] = _KeptTrail(replace(trail, seq=None), dict(seen), self._epoch)

    def begin(self, sid: str, stream: Stream) -> Trail | None:
        with self._lock:
            self._up()
            if sid not in self._trails:
                return None
            kept = self._trails[sid]
            trail = replace(kept.trail, seq=kept.seen.get(stream))
            self._trails[sid] = replace(kept, trail=replace(kept.trail, in_doubt=True))
            return replace(trail, in_doubt=trail.in_doubt or kept.epoch != self._epoch)

    def done(self, sid: str, trail: Trail, stream: Stream, seq: int) -> None:
        with self._lock:
            self._up()
            if sid in self._trails:
                kept = self._trails[sid]
                gone_on = replace(kept.trail, checkpoint_id=trail.checkpoint_id, since=trail.since)
                self._trails[sid] = replace(
                    kept, trail=replace(gone_on, in_doubt=False), seen={**kept.seen, stream: seq}
                )

    def undo(self, sid: str) -> None:
        with self._lock:
            self._up()
            if sid in self._trails:
                kept = self._trails[sid]
                self._trails[sid] = replace(kept, trail=replace(kept.trail, in_doubt=False))

    def seen(self, sid: str) -> dict[Stream, int]:
        with self._lock:
            self._up()
            return dict(self._trails[sid].seen) if sid in self._trails else {}

    def follow(self, sid: str, target: Target) -> None:
        with self._lock:
            self._up()
            if sid in self._trails:
                kept = self._trails[sid]
                self._trails[sid] = replace(kept, trail=replace(kept.trail, target=target))

    def _up(self) -> None:
        if self.down:
            raise CacheDown("the cache is down")
