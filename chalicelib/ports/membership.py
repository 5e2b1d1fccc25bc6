"""Cached membership."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..model.identifiers import ConnectionId, RoomId, UserId
from ..model.rooms import Role


class MembershipCache(Protocol):
    """The members of rooms, cached under a version that each change replaces."""

    def member(self, room_id: RoomId, user_id: UserId) -> tuple[str, Role | None]:
        """(version, role); a new version if there is none, role None if not cached.

        A role read from the store afterwards may be granted under this version.
        """

    def members(self, room_id: RoomId) -> tuple[str | None, dict[UserId, Role] | None]:
        """(version, members); members is None if not cached."""

    def fill_members(
        self, room_id: RoomId, version: str | None, members: Mapping[UserId, Role]
    ) -> str | None:
        """Cache members that were read after `version`; return the current version.

        Stores nothing and returns None if the version has changed since.
        """

    def bump(self, room_id: RoomId) -> None:
        """Set a new version: cached members are dropped, and grants become invalid."""

    def grant(self, connection_id: ConnectionId, room_id: RoomId, version: str, role: Role) -> None:
        """Store with the connection that it was authorised under this membership version."""
