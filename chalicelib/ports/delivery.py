"""How far streams have been delivered, and posts to connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.connections import Target
from ..model.delivery import Cursor, Outcome, Post
from ..model.identifiers import ConnectionId, Region, RoomId, Stream, UserId
from ..model.log import Entry


class Cursors(Protocol):
    """How far each stream has been delivered in this region. Durable state, not a cache.

    A stream has a cursor of its own, and one for each part while its room is large. `part` is the
    number of a part; None means the stream itself.

    Writes with a `fence` have no effect if the item was written with a higher one, and store it.
    """

    def get(self, room_id: RoomId, region: Region) -> Cursor:
        """`Cursor()` if nothing of the stream was ever delivered. Strongly consistent."""

    def of(self, streams: Sequence[Stream]) -> dict[Stream, Cursor]:
        """The cursors of streams, in batches of 100. Strongly consistent."""

    def parts(
        self, room_id: RoomId, region: Region, parts: Sequence[int]
    ) -> tuple[Cursor, list[Cursor]]:
        """The stream's cursor and those of these parts, in one call. Strongly consistent."""

    def note_new(self, room_id: RoomId, region: Region) -> None:
        """Store that nothing of the stream was ever delivered; no change if something was."""

    def advance(
        self, entry: Entry, split_at_ms: int, part: int | None = None, fence: int = 0
    ) -> bool:
        """Move forward to this entry; no change if the stored one is the same or later.

        False if this call has not moved it: another process has, or goes on with the stream. What
        that one knows beside the seq, such as who is behind, is unknown to this one.
        """

    def keep_place(
        self, entry: Entry, user_id: UserId, part: int | None = None, fence: int = 0
    ) -> bool:
        """Store that this entry, the next one, was delivered to users up to this one.

        False, and no change, if the fence is too low.
        """

    def split(self, room_id: RoomId, region: Region, cursor: Cursor, at_ms: int) -> bool:
        """Note that entries after this cursor are delivered in parts.

        False, and no change, if the stream's cursor has moved or it is split already (atomic).
        """

    def join(self, room_id: RoomId, region: Region, seq: int) -> bool:
        """Note that the stream is no longer delivered in parts.

        False, and no change, if the stream's cursor is not at this seq (atomic).
        """

    def wait(self, room_id: RoomId, region: Region, seq: int) -> None:
        """Store that an entry up to this seq waits for a missing one. Never lower than before."""

    def pass_over(self, room_id: RoomId, region: Region, cursor: Cursor, last: int) -> bool:
        """Go on without the entries after this cursor up to `last`, and store that.

        False, and no change, if the stream's cursor has moved (atomic).
        """

    def late(self, room_id: RoomId, region: Region, cursor: Cursor, seq: int) -> bool:
        """Store that an entry that the stream had passed over has been delivered.

        False, and no change, if others were passed over or delivered meanwhile (atomic).
        """

    def fall_behind(
        self,
        room_id: RoomId,
        region: Region,
        behind: Mapping[ConnectionId, int],
        part: int | None = None,
        fence: int = 0,
    ) -> bool:
        """Store these as behind; others do not change, even with concurrent writers.

        False if the fence is too low.
        """

    def catch_up(
        self,
        room_id: RoomId,
        region: Region,
        origin: ConnectionId,
        seq: int,
        part: int | None = None,
    ) -> None:
        """Remove it from those behind, if its stored seq is this one (atomic)."""


class Poster(Protocol):
    """@connections: posts frames and closes connections."""

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        """Post all, with bounded concurrency; one outcome for each, in order. Never raises.

        A post that is not begun within the time is `UNSENT`. One that is begun gets its answer, or
        is `FAILED` as it is without a limit.

        Several posts to one connection are sent one after the other, in order. After one that was
        neither taken nor too large, the later ones are `HELD`.
        """

    def close(self, target: Target) -> Outcome:
        """DELETE the connection."""


class PostBudget(Protocol):
    """The posts a region may make, shared by all its functions."""

    def lease_posts(self, wanted: int, rate_per_s: int, room_id: RoomId | None = None) -> int:
        """Take up to `wanted` tokens from the shared bucket of posts; return how many.

        The bucket holds one second's rate, by Redis's own clock. A room has a bucket of a tenth
        of the rate: its share. What it takes beyond that comes from the upper half of the shared
        bucket only, so that the lower half remains for rooms within their shares.
        """

    def note_posts(self, taken: int, refused: int) -> None:
        """Count posts that connections took, and those refused or failed, for `posts_pass`."""

    def posts_pass(self) -> bool:
        """Whether at least nine of ten posts of the last 10 to 20 s were taken in this region.

        True if none was counted.
        """


class Tallies(Protocol):
    """Counts that expire."""

    def tally(self, name: str, seconds: int) -> int:
        """Add one and return the count; it is forgotten after these seconds without a call."""

    def forget(self, name: str) -> None:
        """Start again from zero."""
