"""A user's presence in a region and over all regions, as shown to friends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .identifiers import Region, UserId


class Status(StrEnum):
    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Presence:
    """A user's presence in one region, as shown to friends.

    Attributes:
        status: The current status in this region.
        announced: The status that friends in this region were sent last: that over all regions.
        chosen: The status that the user set while connected; None if it follows from their
            connections.
        chosen_at_ms: When they set it; later than any choice that was known then.
        since_ms: When the status last changed; it only grows.
        last_seen_ms: When the user was last connected, 0 for never.
        version: Number of changes.
    """

    user_id: UserId
    region: Region
    status: Status = Status.OFFLINE
    announced: Status = Status.OFFLINE
    chosen: Status | None = None
    since_ms: int = 0
    last_seen_ms: int = 0
    version: int = 0
    chosen_at_ms: int = 0


_RANK = {Status.OFFLINE: 0, Status.AWAY: 1, Status.ONLINE: 2}


def latest_choice(held: Sequence[Presence]) -> Presence | None:
    """Return the presence with the status that the user chose last, in whatever region."""
    chosen = [each for each in held if each.chosen is not None]
    return max(
        chosen,
        key=lambda each: (each.chosen_at_ms, each.status is each.chosen, each.region),
        default=None,
    )


def merged(held: Sequence[Presence]) -> Presence:
    """Return a user's presence over all regions, from that of each region (at least one).

    What the user chose last holds everywhere. Otherwise the region where they are most present
    holds.
    """
    present = max(held, key=lambda each: (_RANK[each.status], each.region))
    return replace(
        latest_choice(held) or present,
        since_ms=max(each.since_ms for each in held),
        last_seen_ms=max(each.last_seen_ms for each in held),
    )
