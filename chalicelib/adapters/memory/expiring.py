"""Values that expire, for the in-memory twin of Redis, and what can happen to a Redis server."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...kernel.errors import CacheDown
from ...ports.system import Clock, Ids

# Values with the time at which they expire, by their Redis keys.
State = dict[str, tuple[int, Any]]


class Expiring:
    """The base of the twin.

    Attributes:
        down: While true every call raises `CacheDown`.
        round_trips: Calls so far: each is one round trip.
    """

    def __init__(self, ids: Ids, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock
        self._lock = threading.RLock()
        self._state: State = {}
        self._replication = 0  # of the primary node; a promoted replica has another one
        self.down = False
        self.round_trips = 0

    @property
    def away(self) -> bool:
        return self.down

    def flush(self, lost: Callable[[str], bool] = lambda key: True) -> None:
        """Lose all keys, or those for which `lost` is true, such as all keys of a shard."""
        with self._lock:
            self._state = {key: held for key, held in self._state.items() if not lost(key)}

    def keys(self) -> list[str]:
        """The keys that have not expired."""
        with self._lock:
            now_ms = self._clock.now_ms()
            return [key for key, (until_ms, _) in self._state.items() if now_ms < until_ms]

    def replica(self) -> State:
        """What a replica has now."""
        with self._lock:
            return copy.deepcopy(self._state)

    def fail_over(self, replica: State) -> None:
        """Promote a replica: what was written after it was copied is lost."""
        with self._lock:
            self._state = copy.deepcopy(replica)
            self._replication += 1

    @contextmanager
    def _call(self, trips: int = 1) -> Iterator[None]:
        with self._lock:
            if self.down:
                raise CacheDown("the cache is down")
            self.round_trips += trips
            yield

    def _get(self, key: str) -> Any:
        expires_ms, value = self._state.get(key, (0, None))
        return value if self._clock.now_ms() < expires_ms else None

    def _put(self, key: str, value: Any, ttl_ms: int) -> None:
        self._state[key] = (self._clock.now_ms() + ttl_ms, value)

    def _drop(self, key: str) -> None:
        self._state.pop(key, None)
