"""In which other regions users are connected, as the cache remembers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.identifiers import Region, UserId

ELSEWHERE_S = 60


class ElsewhereCache(Protocol):
    """Guarantee: none. What it knows may be a minute old."""

    def elsewhere(self, user_ids: Sequence[UserId]) -> dict[UserId, frozenset[Region]]:
        """The other regions in which these users are connected; without those not known."""

    def note_elsewhere(self, regions: Mapping[UserId, frozenset[Region]]) -> None:
        """Remember this for a minute."""

    def forget_elsewhere(self, user_id: UserId) -> None: ...
