"""The twin of decisions of users: see `ports.ConsentStore`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from ...kernel.ids import regional_key
from ...model.consents import Decided, latest
from ...model.identifiers import Region, UserId
from .items import REGION, Items


class MemoryConsentStore:
    def __init__(
        self,
        regions: Sequence[Region] = (REGION,),
        items: Items[Decided] | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._own = regions[0] if len(regions) > 1 else None
        self._items = items if items is not None else Items()

    def get(self, asked: Sequence[tuple[UserId, str]]) -> Mapping[tuple[UserId, str], Decided]:
        found = {}
        for user_id, about in asked:
            decided = self.under(user_id, about).get(about)
            if decided is not None:
                found[user_id, about] = decided
        return found

    def under(self, user_id: UserId, prefix: str) -> Mapping[str, Decided]:
        held: dict[str, list[Decided]] = {}
        with self._lock:
            for key, decided in self._items.partition(user_id):
                if key.startswith(prefix):
                    held.setdefault(key.partition("#")[0], []).append(decided)
        found = {about: latest(each) for about, each in held.items()}
        return {about: decided for about, decided in found.items() if decided is not None}

    def put(self, user_id: UserId, about: str, decided: Decided) -> None:
        with self._lock:
            self._items.put(user_id, regional_key(about, self._own), decided)
