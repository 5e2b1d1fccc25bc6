"""What regions show of their users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.identifiers import Region, UserId
from ..model.presence import Presence, Status


class PresenceStore(Protocol):
    """One item for each user and region, written by that region only."""

    def get(self, user_id: UserId, region: Region) -> Presence:
        """`Presence(user_id, region)` for an unknown user. Strongly consistent."""

    def get_many(self, user_ids: Sequence[UserId], regions: Sequence[Region]) -> list[Presence]:
        """Those that are there, strongly consistent in this region, in batches of 100."""

    def change(self, presence: Presence, reset: bool) -> bool:
        """Store status, since, last seen and version; with `reset` forget what was chosen.

        False, and nothing written, unless the stored version is `presence.version - 1` and,
        with `reset`, what was chosen still is `presence.chosen`.
        """

    def announced(self, presence: Presence) -> None:
        """Friends were told of `presence.status`."""

    def choose(self, user_id: UserId, region: Region, status: Status) -> None: ...
