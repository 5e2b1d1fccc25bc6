"""The twin of presence: see `ports.PresenceStore`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from ...model.identifiers import Region, UserId
from ...model.presence import Presence, Status
from .items import Items


class MemoryPresenceStore:
    def __init__(self, items: Items[Presence] | None = None) -> None:
        self._lock = threading.Lock()
        self._items = items if items is not None else Items()

    def get(self, user_id: UserId, region: Region) -> Presence:
        with self._lock:
            return self._held(user_id, region)

    def get_many(self, user_ids: Sequence[UserId], regions: Sequence[Region]) -> list[Presence]:
        with self._lock:
            found = [self._items.get(user, region) for user in user_ids for region in regions]
        return [each for each in found if each is not None]

    def change(self, presence: Presence, reset: bool) -> bool:
        with self._lock:
            held = self._held(presence.user_id, presence.region)
            moved = reset and held.chosen != presence.chosen
            if held.version != presence.version - 1 or moved:
                return False
            chosen = None if reset else held.chosen
            at_ms, announced = held.chosen_at_ms, held.announced
            self._put(replace(presence, chosen=chosen, chosen_at_ms=at_ms, announced=announced))
            return True

    def announced(self, presence: Presence) -> None:
        with self._lock:
            held = self._held(presence.user_id, presence.region)
            if held.version == presence.version:
                self._put(replace(held, announced=presence.status))

    def choose(self, user_id: UserId, region: Region, status: Status, at_ms: int) -> None:
        with self._lock:
            held = self._held(user_id, region)
            self._put(replace(held, chosen=status, chosen_at_ms=at_ms))

    def _held(self, user_id: UserId, region: Region) -> Presence:
        return self._items.get(user_id, region) or Presence(user_id, region)

    def _put(self, presence: Presence) -> None:
        self._items.put(presence.user_id, presence.region, presence)
