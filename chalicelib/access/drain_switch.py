"""Whether the region drains, as every process of it knows within seconds."""

from __future__ import annotations

import threading

from ..kernel import telemetry
from ..kernel.errors import Unavailable
from ..model.draining import Drain
from ..ports.connections import Drains
from ..ports.system import Clock

KNOWN_MS = 3_000


class DrainSwitch:
    """Reads the drain from the store at most once in 3 s.

    Args:
        usable: Whether there is another region. If not, nothing is ever read, and nothing drains.
    """

    def __init__(self, drains: Drains, clock: Clock, usable: bool) -> None:
        self._drains = drains
        self._clock = clock
        self.usable = usable
        self._lock = threading.Lock()
        self._known: Drain | None = None
        self._known_until_ms = 0

    def current(self) -> Drain | None:
        """Return the drain that is under way. While it cannot be read, the last one known."""
        if not self.usable:
            return None
        with self._lock:
            if self._clock.now_ms() < self._known_until_ms:
                return self._known
        try:
            return self.read()
        except Unavailable:
            telemetry.log("WARNING", "drain_not_read")
            return self.known

    def read(self) -> Drain | None:
        """Read it from the store now."""
        found = self._drains.get()
        with self._lock:
            self._known, self._known_until_ms = found, self._clock.now_ms() + KNOWN_MS
        return found

    @property
    def known(self) -> Drain | None:
        """The drain as it was last read."""
        with self._lock:
            return self._known
