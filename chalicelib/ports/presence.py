"""The presence of users, by region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.identifiers import Region, UserId
from ..model.presence import Presence, Status


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
