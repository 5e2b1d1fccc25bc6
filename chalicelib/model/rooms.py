"""Rooms, their types and their members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .identifiers import RoomId, UserId


class RoomType(StrEnum):
    PRIVATE_CHAT = "private_chat"
    GROUP_CHAT = "group_chat"
    MOMENTS = "moments"
    NOTIFICATIONS = "notifications"


class Role(StrEnum):
    """A member's role in a room, weakest first; a reader may read but not write."""

    READER = "reader"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    @property
    def writes(self) -> bool:
        return self is not Role.READER

    @property
    def manages(self) -> bool:
        return self in (Role.ADMIN, Role.OWNER)


@dataclass(frozen=True, slots=True)
class Room:
    room_id: RoomId
    room_type: RoomType
    created_by: UserId
    created_at_ms: int
    metadata: Mapping[str, Any] = field(default_factory=dict)


# When a user joined and when a message was written are the times of two clocks, which may differ.
# So what was written shortly before is sent, too: members may read it; a hole would be silent.
CLOCKS_MS = 5_000


@dataclass(frozen=True, slots=True)
class Member:
    room_id: RoomId
    user_id: UserId
    role: Role
    joined_at_ms: int


def weakness(member: Member) -> int:
    """Orders memberships by role: of two that regions add at once, the weaker one holds."""
    return -list(Role).index(member.role)


LARGE = 100  # a room with more members is asked for those who are connected, in buckets


@dataclass(frozen=True, slots=True)
class SmallRoom:
    """The cached members of a room that is not large, under this membership version."""

    version: str
    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class LargeRoom:
    """The cached members of a large room, which are not read to find those who are connected.

    Attributes:
        version: The membership version under which they are cached.
        size: How many they are.
    """

    room_id: RoomId
    version: str
    size: int

    def __len__(self) -> int:
        return self.size
