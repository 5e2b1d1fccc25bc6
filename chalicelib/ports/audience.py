"""The connections that have joined a room, and who is typing there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..model.connections import Target, Viewers
from ..model.identifiers import RoomId, UserId


class Audience(Protocol):
    """Which connections have joined a room, for ephemeral events.

    What is cached of a room is dropped an hour after it was filled, so that nothing wrong stays. It
    is also dropped when another node becomes the primary: it may lack the last joins and leaves.
    """

    @property
    def away(self) -> bool:
        """Whether an earlier call of this process found the cache away; makes no call."""

    def join(self, room_id: RoomId, target: Target) -> bool:
        """True if it is the user's first joined connection in the room (atomic)."""

    def leave(self, room_id: RoomId, target: Target) -> bool | None:
        """True if it was the user's last joined connection in the room (atomic).

        None if nothing is known of the user: then the store knows.
        """

    def joined(self, room_id: RoomId) -> Viewers:
        """The joined connections, and which of their users are members (atomic).

        If its targets are None, read the store and call `fill_joined`.
        """

    def fill_joined(self, room_id: RoomId, as_of: str, targets: Iterable[Target]) -> bool:
        """Add targets read from the store to the cached ones.

        Stores nothing and returns False if a connection has left since `as_of` was read, as the
        targets may contain it, or if another node has become the primary, which may lack one that
        has joined.
        """


class TypingState(Protocol):
    """Which users are typing in which rooms, and since when."""

    def start_typing(self, room_id: RoomId, user_id: UserId, at_ms: int, again_ms: int) -> bool:
        """Store the newest start (atomic). It is forgotten after 30 s.

        Returns:
            Whether to tell others: not if it is older than the newest one, or if they were told of
            one less than `again_ms` before.
        """

    def stop_typing(self, room_id: RoomId, user_id: UserId, at_ms: int) -> bool:
        """Remove the newest start; False if there is none until `at_ms` (atomic)."""

    def newest_view(self, room_id: RoomId, user_id: UserId, at_ms: int) -> bool:
        """Store when another region's user opened or closed the room; it is kept for an hour.

        False if a later time is stored, which stays (atomic).
        """
