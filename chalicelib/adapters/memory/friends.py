"""The twin of friends: see `ports.FriendStore`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ...kernel.ids import of_regional_key, regional_key
from ...model import decisions
from ...model.decisions import Decision
from ...model.friends import earliness
from ...model.identifiers import Region, UserId
from ...model.slices import Slice
from .items import REGION, Items, sliced


class MemoryFriendStore:
    def __init__(
        self,
        regions: Sequence[Region] = (REGION,),
        items: Items[Decision[int]] | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._region = regions[0]
        self._regions = tuple(regions)
        self._items = items if items is not None else Items()

    def put(self, user_id: UserId, friend_id: UserId, since_ms: int) -> None:
        with self._lock:
            held = self._held(user_id, friend_id)
            if decisions.merged(held, earliness) is None:
                decision = decisions.addition(held, self._region, since_ms)
                self._items.put(user_id, regional_key(friend_id, decision.region), decision)

    def remove(self, user_id: UserId, friend_id: UserId) -> None:
        with self._lock:
            if len(self._regions) < 2:
                self._items.delete(user_id, friend_id)
                return
            held = self._held(user_id, friend_id)
            since_ms = decisions.merged(held, earliness)
            if since_ms is not None:
                decision = decisions.removal(held, self._region, since_ms)
                self._items.put(user_id, regional_key(friend_id, decision.region), decision)

    def put_by(self, user_id: UserId) -> dict[UserId, int]:
        with self._lock:
            others = {of_regional_key(key)[0] for key, _ in self._items.partition(user_id)}
            pairs = {other: self._since(user_id, other) for other in others}
        return {other: since for other, since in pairs.items() if since is not None}

    def put_for(self, user_id: UserId) -> dict[UserId, int]:
        with self._lock:
            everyone = [UserId(by) for by in self._items.partitions()]
        return self.mutual(user_id, everyone)

    def put_for_up_to(self, user_id: UserId, most: int) -> dict[UserId, int] | None:
        found = self.put_for(user_id)
        return found if len(found) <= most else None

    def slice_by(self, user_id: UserId, after: UserId, most: int) -> Slice[UserId, int]:
        return sliced(self.put_by(user_id), after, most)

    def slice_for(self, user_id: UserId, after: UserId, most: int) -> Slice[UserId, int]:
        return sliced(self.put_for(user_id), after, most)

    def mutual(self, user_id: UserId, others: Sequence[UserId]) -> dict[UserId, int]:
        with self._lock:
            pairs = {other: self._since(other, user_id) for other in others}
        return {other: since for other, since in pairs.items() if since is not None}

    def _since(self, user_id: UserId, friend_id: UserId) -> int | None:
        return decisions.merged(self._held(user_id, friend_id), earliness)

    def _held(self, user_id: UserId, friend_id: UserId) -> list[Decision[int]]:
        writers = (None, *self._regions)
        items = (self._items.get(user_id, regional_key(friend_id, each)) for each in writers)
        return [each for each in items if each is not None]
