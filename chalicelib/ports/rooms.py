"""Rooms and their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.identifiers import RoomId, UserId
from ..model.rooms import Member, Role, Room
from ..model.slices import Slice


class RoomStore(Protocol):
    """Rooms and memberships. With several regions, memberships are merged: `model.decisions`."""

    def claim(self, room_id: RoomId, creator: UserId) -> bool:
        """Claim an id that a client has chosen, before a room is created with it (atomic).

        Of all users and regions one gets it, and gets it again; False for all others.

        Raises:
            Unavailable: Also when the region that keeps the claims cannot be reached.
        """

    def create(self, room: Room, members: Sequence[Member]) -> bool:
        """Create the room with its members; readers see all or nothing.

        False if the id is taken; then nothing was written. After a failure, the same creator may
        call again with the same id.
        """

    def get(self, room_id: RoomId) -> Room | None: ...

    def get_many(self, room_ids: Sequence[RoomId]) -> list[Room]: ...

    def member(self, room_id: RoomId, user_id: UserId) -> Member | None:
        """Strongly consistent."""

    def roles(self, user_id: UserId, room_ids: Sequence[RoomId]) -> dict[RoomId, Role]:
        """The user's role in each of these rooms of which they are a member.

        Batched reads. Strongly consistent.
        """

    def members(self, room_id: RoomId) -> list[Member]:
        """All members, in the order of their user ids. Strongly consistent."""

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        """Eventually consistent (an index)."""

    def slice_of(self, user_id: UserId, after: RoomId, most: int) -> Slice[RoomId, Member]:
        """Up to `most` of the user's memberships, by room id above `after`.

        It costs no more than these. Eventually consistent (an index).
        """

    def joined_since(self, user_id: UserId, at_ms: int) -> list[Member]:
        """The user's memberships that began since then. Eventually consistent (an index)."""

    def add_member(self, member: Member) -> bool:
        """False if the user already is a member; the role does not change.

        Raises:
            Unavailable: Others change the same membership at once.
        """

    def remove_member(self, room_id: RoomId, user_id: UserId) -> bool:
        """False if the user is not a member."""

    def removed(self, room_id: RoomId, user_id: UserId) -> Member | None:
        """The membership that the latest removal ended, for some time at least.

        A deployment of one region does not keep it. Strongly consistent in this region.
        """
