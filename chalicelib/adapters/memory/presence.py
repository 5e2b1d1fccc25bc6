"""The twin of presence: see `ports.PresenceStore`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from ...model.identifiers import Region, UserId
from ...model.presence import Presence, Status


class MemoryPresenceStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[tuple[UserId, Region], Presence] = {}

    def get(self, user_id: UserId, region: Region) -> Presence:
        with self._lock:
            return self._items.get((user_id, region), Presence(user_id, region))

    def get_many(self, user_ids: Sequence[UserId], regions: Sequence[Region]) -> list[Presence]:
        with self._lock:
            pairs = [(user, region) for user in user_ids for region in regions]
            return [self._items[pair] for pair in pairs if pair in self._items]

    def change(self, presence: Presence, reset: bool) -> bool:
        key = presence.user_id, presence.region
        with self._lock:
            held = self._items.get(key, Presence(*key))
            moved = reset and held.chosen != presence.chosen
            if held.version != presence.version - 1 or moved:
                return False
            chosen = None if reset else held.chosen
            self._items[key] = replace(presence, announced=held.announced, chosen=chosen)
            return True

    def announced(self, presence: Presence) -> None:
        key = presence.user_id, presence.region
        with self._lock:
            if self._items[key].version == presence.version:
                self._items[key] = replace(self._items[key], announced=presence.status)

    def choose(self, user_id: UserId, region: Region, status: Status) -> None:
        key = user_id, region
        with self._lock:
            self._items[key] = replace(self._items.get(key, Presence(*key)), chosen=status)
