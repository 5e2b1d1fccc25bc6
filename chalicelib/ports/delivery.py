"""How far streams were delivered, and posting to connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.connections import Target
from ..model.delivery import Cursor, Outcome, Post
from ..model.identifiers import ConnectionId, Region, RoomId
from ..model.log import Entry


class Cursors(Protocol):
    """How far a stream has been delivered in this region. Regional state, not cache."""

    def get(self, room_id: RoomId, region: Region) -> Cursor:
        """`Cursor()` of a stream that was never delivered. Strongly consistent."""

    def advance(self, entry: Entry, split_at_ms: int) -> None:
        """Move forward to this entry; one that is not beyond what is stored changes nothing."""

    def fall_behind(
        self, room_id: RoomId, region: Region, behind: Mapping[ConnectionId, int]
    ) -> None:
        """Remember these as behind; others stay as they are, whoever writes at the same time."""

    def catch_up(self, room_id: RoomId, region: Region, origin: ConnectionId, seq: int) -> None:
        """Not behind any more, if that seq is what is remembered of it (atomic)."""


class Poster(Protocol):
    """@connections, the hot loop."""

    def post(self, posts: Sequence[Post]) -> list[Outcome]:
        """Post all, concurrently within bounds; one outcome each, in order. Never raises."""

    def close(self, target: Target) -> Outcome:
        """DELETE the connection."""


class PostBudget(Protocol):
    """The posts a region may make, shared by all its functions."""

    def lease_posts(self, wanted: int, rate_per_s: int, now_ms: int) -> int:
        """Take up to `wanted` from the shared token bucket of posts; answers how many."""
