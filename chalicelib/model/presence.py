"""What a region shows a user's friends."""

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
    """A user as one region shows him to his friends.

    Attributes:
        status: What is shown; `announced` is what his friends have been told.
        chosen: What he set while connected; None for what his connections say.
        since_ms: Since when it is shown; grows with each change.
        last_seen_ms: When he was last connected, 0 for never.
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
