"""Read markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Claims(Protocol):
    """Who is the first to do something within a time."""

    def claim(self, name: str, seconds: int) -> bool:
        """True for the first who asks within so many seconds (atomic)."""


class AckNumbers(Protocol):
    """The numbers under which devices are asked for acks."""

    def expect_acks(self, messages: Mapping[int, tuple[RoomId, MessageId]]) -> None:
        """Receivers are asked for an ack of these, by its number. Held for an hour."""

    def acked(self, ack_id: int) -> tuple[RoomId, MessageId] | None:
        """Which message a number stands for; None when nobody is asked (any more)."""
