"""Friendships as one of the two users sees them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .identifiers import UserId


class FriendStatus(StrEnum):
    """As one of the two sees it."""

    FRIENDS = "friends"
    REQUESTED = "requested"
    INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class Friend:
    """Another user as a friend.

    Attributes:
        since_ms: Since when the friendship holds, or is asked for.
    """

    user_id: UserId
    status: FriendStatus
    since_ms: int
