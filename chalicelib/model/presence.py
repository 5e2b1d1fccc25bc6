"""A user's presence in a region, as shown to friends."""

from __future__ import annotations

from dataclasses import dataclass
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
        status: The current status; `announced` is the last one sent to friends.
        chosen: The status that the user set while connected; None if it follows from their
            connections.
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
