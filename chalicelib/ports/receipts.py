"""Read markers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.identifiers import MessageId, Region, RoomId, UserId
from ..model.receipts import Marker


class Markers(Protocol):
    """Read markers: an item for each member of a room and region; they only move forward."""

    def move(self, room_id: RoomId, region: Region, marker: Marker) -> Marker | None:
        """Move the user's marker of this region; answers the one before, None for the first.

        One at or behind the stored one changes nothing and the stored one is answered.
        """

    def of_user(
        self, user_id: UserId, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, Marker]:
        """The furthest over regions, strongly consistent, in batches of 100."""

    def of_room(self, room_id: RoomId, limit: int) -> list[Marker]:
        """Up to `limit` users' markers, the furthest over regions. Eventually consistent."""

    def count(self, room_id: RoomId, message_id: MessageId) -> int:
        """How many have read up to this message or further. Eventually consistent."""
