"""How far streams have been delivered, and posts to connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.connections import Target
from ..model.delivery import Cursor, Outcome, Post
from ..model.identifiers import ConnectionId, Region, RoomId
from ..model.log import Entry


class Cursors(Protocol):
    """How far each stream has been delivered in this region. Durable state, not a cache."""

    def get(self, room_id: RoomId, region: Region) -> Cursor:
        """`Cursor()` if nothing of the stream was ever delivered. Strongly consistent."""

    def advance(self, entry: Entry, split_at_ms: int) -> None:
        """Move forward to this entry; no change if the stored one is the same or later."""

    def fall_behind(
        self, room_id: RoomId, region: Region, behind: Mapping[ConnectionId, int]
    ) -> None:
        """Store these as behind; others do not change, even with concurrent writers."""

    def catch_up(self, room_id: RoomId, region: Region, origin: ConnectionId, seq: int) -> None:
        """Remove it from those behind, if its stored seq is this one (atomic)."""


class Poster(Protocol):
    """@connections: posts frames and closes connections."""

    def post(self, posts: Sequence[Post]) -> list[Outcome]:
        """Post all, with bounded concurrency; one outcome for each, in order. Never raises."""

    def close(self, target: Target) -> Outcome:
        """DELETE the connection."""


class PostBudget(Protocol):
    """The posts a region may make, shared by all its functions."""

    def lease_posts(self, wanted: int, rate_per_s: int, now_ms: int) -> int:
        """Take up to `wanted` tokens from the shared bucket of posts; return how many."""
