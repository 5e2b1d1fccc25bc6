"""The connections that have joined a room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..model.connections import Target, Viewers
from ..model.identifiers import RoomId


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
