"""Cached membership."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..model.identifiers import ConnectionId, RoomId, UserId
from ..model.rooms import Role


class MembershipCache(Protocol):
    """Who belongs in a room, under a version that each change replaces."""

    def members(self, room_id: RoomId) -> tuple[str | None, dict[UserId, Role] | None]:
        """(version, members); members None when not cached."""

    def fill_members(
        self, room_id: RoomId, version: str | None, members: Mapping[UserId, Role]
    ) -> str | None:
        """Cache members read after `version` was; answers the version now in force.

        Stores nothing and answers None when the version changed in between.
        """

    def bump(self, room_id: RoomId) -> None:
        """Membership changed: a new version, cached members dropped, grants void."""

    def grant(self, connection_id: ConnectionId, room_id: RoomId, version: str, role: Role) -> None:
        """Remember on the connection that it was authorised under this membership version."""
