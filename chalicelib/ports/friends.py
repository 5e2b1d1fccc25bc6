"""Friendships, and what users decide about who may reach them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.consents import Decided
from ..model.identifiers import UserId
from ..model.slices import Slice


class FriendStore(Protocol):
    """Who has put whom as a friend. With several regions, they are merged: `model.decisions`."""

    def put(self, user_id: UserId, friend_id: UserId, since_ms: int) -> None:
        """Put a friend. Idempotent; the time may stay that of the first call."""

    def remove(self, user_id: UserId, friend_id: UserId) -> None:
        """Remove a friend. Idempotent."""

    def put_by(self, user_id: UserId) -> dict[UserId, int]:
        """The users that this user has put, and since when. Strongly consistent."""

    def put_for(self, user_id: UserId) -> dict[UserId, int]:
        """The users who have put this user, and since when. Eventually consistent (an index)."""

    def put_for_up_to(self, user_id: UserId, most: int) -> dict[UserId, int] | None:
        """The same, if the index has at most so many items of this user; else None."""

    def slice_by(self, user_id: UserId, after: UserId, most: int) -> Slice[UserId, int]:
        """Up to `most` of `put_by`, by user id above `after`; it costs no more than these."""

    def slice_for(self, user_id: UserId, after: UserId, most: int) -> Slice[UserId, int]:
        """Up to `most` of `put_for`, by user id above `after`; it costs no more than these."""

    def mutual(self, user_id: UserId, others: Sequence[UserId]) -> dict[UserId, int]:
        """Those of `others` who have put this user, and since when. Strongly consistent."""


class ConsentStore(Protocol):
    """Decisions of users, by what they are about. With several regions: `model.consents.latest`.

    Strongly consistent in a region. Decisions that have expired may still be returned.
    """

    def get(self, asked: Sequence[tuple[UserId, str]]) -> Mapping[tuple[UserId, str], Decided]:
        """The decisions of these users about these things, where there are any."""

    def under(self, user_id: UserId, prefix: str) -> Mapping[str, Decided]:
        """A user's decisions about all things that start like this, by what they are about."""

    def put(self, user_id: UserId, about: str, decided: Decided) -> None:
        """Keep a decision, later than all that were known."""
