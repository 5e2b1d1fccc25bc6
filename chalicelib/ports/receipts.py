"""Read markers, claims and ack numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.identifiers import MessageId, Region, RoomId, UserId
from ..model.receipts import Marker, Reading


class Markers(Protocol):
    """Read markers: one item for each room, member and region; they only move forward."""

    def move(self, room_id: RoomId, region: Region, marker: Marker) -> Marker | None:
        """Move the user's marker of this region; return the previous one, None if there was none.

        A marker at or before the stored one changes nothing, and the stored one is returned. Of
        markers with `seen`, the stored one becomes what covers both, whichever message is later.
        """

    def of_user(
        self, user_id: UserId, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, Marker]:
        """What the markers of all regions cover, by room. Strongly consistent; batches of 100."""

    def note(self, room_id: RoomId, region: Region, reading: Reading, large: bool) -> None:
        """Note a moved marker, so that `furthest` need not read the markers of a large room.

        Call it after every `move`. Notes begin when a room is first `large`, and then continue.

        Raises:
            Unavailable: Also when too many users read the room at once. Note it again.
        """

    def readings(self, room_id: RoomId, most: int) -> list[Reading] | None:
        """What others may know of all markers of a room, one for each region of a user.

        None if there are more than `most`. One query. Strongly consistent.
        """

    def furthest(
        self, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, tuple[Reading, ...]]:
        """The two users who have read each room furthest, of all who were noted.

        One batched read for all rooms with notes; a query for each room without. Strongly
        consistent.
        """

    def counts(self, room_id: RoomId, message_ids: Sequence[MessageId]) -> list[int]:
        """How many users have read up to each message or further; one query.

        Eventually consistent.
        """


class Claims(Protocol):
    """Let only the first of many do something within a time."""

    def claim(self, name: str, seconds: int) -> bool:
        """True for the first call with this name within these seconds (atomic)."""


class AckNumbers(Protocol):
    """The numbers with which devices confirm messages (Socket.IO ack ids)."""

    def expect_acks(self, messages: Mapping[int, tuple[RoomId, MessageId]]) -> None:
        """Store the messages whose acks are expected, by number, for an hour."""

    def acked(self, ack_id: int) -> tuple[RoomId, MessageId] | None:
        """The message of a number; None if its ack is not, or no longer, expected."""
