"""The twin of revocations: see `ports.RevocationStore`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ...kernel.ids import regional_key
from ...model.identifiers import Region, UserId
from .items import REGION, Items


class MemoryRevocationStore:
    def __init__(
        self, regions: Sequence[Region] = (REGION,), items: Items[int] | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._own = regions[0] if len(regions) > 1 else None
        self._writers = (None, *regions)
        self._items = items if items is not None else Items()

    def put(self, user_id: UserId, until_ms: int) -> None:
        key = regional_key(user_id, self._own)
        with self._lock:
            if until_ms > (self._items.get(key) or 0):
                self._items.put(key, "", until_ms)

    def until_ms(self, user_id: UserId) -> int:
        with self._lock:
            held = [self._items.get(regional_key(user_id, each)) or 0 for each in self._writers]
        return max(held)
