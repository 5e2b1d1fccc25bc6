"""The presence of users, by region, and in which regions they are connected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.identifiers import Region, UserId
from ..model.presence import Presence, Status

ELSEWHERE_S = 60


class PresenceStore(Protocol):
    """One item for each user and region, written only by that region."""

    def get(self, user_id: UserId, region: Region) -> Presence:
        """`Presence(user_id, region)` for an unknown user. Strongly consistent."""

    def get_many(self, user_ids: Sequence[UserId], regions: Sequence[Region]) -> list[Presence]:
        """Those that exist; strongly consistent in this region, in batches of 100."""

    def change(self, presence: Presence, reset: bool) -> bool:
        """Store status, since, last seen and version; with `reset`, clear the chosen status.

        Writes only if the stored version is `presence.version - 1` and, with `reset`, the stored
        chosen status is `presence.chosen`; otherwise returns False.
        """

    def announced(self, presence: Presence) -> None:
        """Store that `presence.status` was sent to friends; no change for an earlier version."""

    def choose(self, user_id: UserId, region: Region, status: Status, at_ms: int) -> None: ...


class ElsewhereCache(Protocol):
    """In which other regions users are connected, as the cache remembers it.

    Guarantee: none. What it knows may be a minute old.
    """

    def elsewhere(self, user_ids: Sequence[UserId]) -> dict[UserId, frozenset[Region]]:
        """The other regions in which these users are connected; without those not known."""

    def note_elsewhere(self, regions: Mapping[UserId, frozenset[Region]]) -> None:
        """Remember this for a minute."""

    def forget_elsewhere(self, user_id: UserId) -> None: ...
