"""The twin of revocations: see `ports.RevocationStore`."""

from __future__ import annotations

import threading

from ...model.identifiers import UserId


class MemoryRevocationStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until_ms: dict[UserId, int] = {}

    def put(self, user_id: UserId, until_ms: int) -> None:
        with self._lock:
            self._until_ms[user_id] = max(until_ms, self._until_ms.get(user_id, 0))

    def until_ms(self, user_id: UserId) -> int:
        with self._lock:
            return self._until_ms.get(user_id, 0)
