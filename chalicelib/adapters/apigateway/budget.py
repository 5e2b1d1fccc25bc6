"""A process's allowance of posts, leased from the budget that all processes share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ...kernel import telemetry
from ...kernel.errors import CacheDown
from ...model.identifiers import RoomId
from ...ports.system import Clock

_LEASE_MS, _LEASE_AHEAD = 1000, 64
_MOST_LEASES = 256  # rooms for which a process holds leases

# Leases up to so many posts for a room, or for none, and returns how many.
Lease = Callable[[int, RoomId | None], int]


@dataclass(slots=True)
class _Held:
    """What is left of the leases for one room, and how much it used in the last second."""

    left: int = 0
    until_ms: int = 0
    window_ms: int = 0
    taken: int = 0


class Allowance:
    """The posts that this process may make: leases from the shared budget, valid for a second.

    A busy process leases in one call as much as it used in the last second (at most 64 ahead), a
    quiet one exactly what it needs. While the cache is down, it uses a local bucket of
    `fallback_per_s` instead.
    """

    def __init__(self, budget: Lease, fallback_per_s: int, clock: Clock) -> None:
        self._budget, self._fallback_per_s, self._clock = budget, fallback_per_s, clock
        self._lock = threading.Lock()
        self._held: dict[RoomId | None, _Held] = {}
        self._bucket, self._filled_ms = float(fallback_per_s), clock.now_ms()

    def take(self, wanted: int, room_id: RoomId | None = None) -> int:
        """Take up to so many posts for a room, or for none; return how many."""
        with self._lock:
            now_ms = self._clock.now_ms()
            held = self._of(room_id, now_ms)
            if now_ms - held.window_ms >= _LEASE_MS:
                held.window_ms, held.taken = now_ms, 0
            if now_ms >= held.until_ms:
                held.left = 0
            if held.left < wanted:
                self._lease(held, wanted, room_id, now_ms)
            granted = min(wanted, held.left)
            held.left -= granted
            held.taken += granted
            return granted

    def _of(self, room_id: RoomId | None, now_ms: int) -> _Held:
        if len(self._held) >= _MOST_LEASES:
            self._held = {room: one for room, one in self._held.items() if now_ms < one.until_ms}
        return self._held.setdefault(room_id, _Held())

    def _lease(self, held: _Held, wanted: int, room_id: RoomId | None, now_ms: int) -> None:
        missing = wanted - held.left
        try:
            granted = self._budget(max(missing, min(held.taken, _LEASE_AHEAD)), room_id)
        except CacheDown:
            granted = self._local(missing, now_ms)
        if granted > 0:
            held.left += granted
            held.until_ms = now_ms + _LEASE_MS

    def _local(self, wanted: int, now_ms: int) -> int:
        refill = (now_ms - self._filled_ms) * self._fallback_per_s / 1000
        self._bucket = min(float(self._fallback_per_s), self._bucket + max(0.0, refill))
        self._filled_ms = now_ms
        granted = min(wanted, int(self._bucket))
        self._bucket -= granted
        return granted


class Report:
    """Counts posts that were taken or refused, and stores the counts for the whole region.

    Refusals are stored at once, so that no connection is closed for what happens to all. What was
    taken alone is stored at most once a second.
    """

    def __init__(self, note: Callable[[int, int], None], clock: Clock) -> None:
        self._note, self._clock = note, clock
        self._lock = threading.Lock()
        self._taken, self._noted_ms = 0, 0

    def add(self, taken: int, refused: int) -> None:
        """Add the outcomes of a batch."""
        with self._lock:
            now_ms = self._clock.now_ms()
            self._taken += taken
            if not refused and now_ms - self._noted_ms < _LEASE_MS:
                return
            taken, self._taken, self._noted_ms = self._taken, 0, now_ms
        try:
            self._note(taken, refused)
        except CacheDown as fault:
            telemetry.error("posts_not_counted", fault)
