"""The twin of friends: see `ports.FriendStore`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ...model.identifiers import UserId


class MemoryFriendStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: dict[tuple[UserId, UserId], int] = {}

    def put(self, user_id: UserId, friend_id: UserId, since_ms: int) -> None:
        with self._lock:
            self._since[(user_id, friend_id)] = since_ms

    def remove(self, user_id: UserId, friend_id: UserId) -> None:
        with self._lock:
            self._since.pop((user_id, friend_id), None)

    def put_by(self, user_id: UserId) -> dict[UserId, int]:
        with self._lock:
            return {to: since for (by, to), since in self._since.items() if by == user_id}

    def put_for(self, user_id: UserId) -> dict[UserId, int]:
        with self._lock:
            return {by: since for (by, to), since in self._since.items() if to == user_id}

    def mutual(self, user_id: UserId, others: Sequence[UserId]) -> dict[UserId, int]:
        with self._lock:
            pairs = {other: self._since.get((other, user_id)) for other in others}
            return {other: since for other, since in pairs.items() if since is not None}
