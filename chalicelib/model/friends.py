"""Friendships, from the view of one of the two users."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .identifiers import UserId


class FriendStatus(StrEnum):
    """A friendship's state, from the view of one of the two users."""

    FRIENDS = "friends"
    REQUESTED = "requested"
    INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class Friend:
    """A friend, or a user in a friend request.

    Attributes:
        since_ms: When the friendship began, or when it was requested.
    """

    user_id: UserId
    status: FriendStatus
    since_ms: int


def earliness(since_ms: int) -> int:
    """Orders friendships that regions add at once: the earlier one holds."""
    return -since_ms
