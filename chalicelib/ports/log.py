"""The rooms' logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.delivery import Delivering
from ..model.identifiers import MessageId, Region, RoomId, Stream, UserId
from ..model.log import BatchResult, CommitResult, Copy, Duplicate, Elsewhere, Entry, Head, Reach


class MessageLog(Protocol):
    """The rooms' logs. A stream (room, region) is written only by its own region.

    Guarantee: a stream has no hole and no fork. `commit` writes seq n only onto head n-1, and
    its writes (head, entry, dedupe, deletion mark) are all or nothing; so are those of a batch.
    """

    def commit(self, entry: Entry, previous: Head, dedupe: str | None, now_ms: int) -> CommitResult:
        """Write `entry` (seq = previous.seq + 1) and move the head.

        `dedupe` is kept for 24 h: a second commit with it writes nothing and returns
        `Duplicate`, even if the head has moved. A deletion also marks its `target_id` as deleted
        and drops its content, in the same transaction. The target may be in another region's
        stream: entry.content["region"] names it.

        Raises:
            NotFound: The target of a deletion does not exist; nothing was written.
            ValueError: `entry.seq` is not `previous.seq + 1`.
        """

    def commit_all(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> BatchResult:
        """Write entries of one stream, each with its dedupe key, in one transaction: all or none.

        At most 24, with contiguous seqs from previous.seq + 1, rising ids and different keys. As
        `commit` otherwise, except that a missing target is an answer, too.
        """

    def find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        """The entry that was written with this dedupe key in the last 24 h. Strongly consistent.

        The entry itself can be missing if another region wrote it: `get` says.
        """

    def heads(self, streams: Sequence[tuple[RoomId, Region]]) -> dict[tuple[RoomId, Region], Head]:
        """The heads, `Head(0, "")` for empty streams. Strongly consistent, in batches of 100."""

    def elsewhere(
        self, room_id: RoomId, regions: Sequence[Region], dedupes: Sequence[str], now_ms: int
    ) -> Elsewhere:
        """The heads of these regions, and what was written with these keys in the last 24 h.

        Read in batches of 100, strongly consistent in this region's replica. An entry may be
        missing, although its key or a head is there.
        """

    def note_dedupe(self, entry: Entry, dedupe: str, now_ms: int) -> None:
        """Write the dedupe key of another region's entry as that region does. Idempotent.

        For the rest of the 24 h since the entry's time; after that nothing is written.
        """

    def note_copy(self, copy: Copy, sender: UserId, own: bool) -> None:
        """Note a second copy for good. Idempotent; regions that note it write the same.

        Args:
            own: The copy is in this region's stream: then it does not count as unread any more.
        """

    def copies(self, room_id: RoomId, low: MessageId, high: MessageId) -> list[Copy]:
        """The noted copies of a room with low <= message_id <= high. Strongly consistent."""

    def keep(
        self, entry: Entry, dedupe: str | None, deletion: str, own: Region, now_ms: int
    ) -> bool:
        """Write another region's entry, whose replication may never come, as that region wrote it.

        With its dedupe key, for the rest of its 24 h. The entry's stream keeps its head, which
        only its region writes; this region's own head of the room notes how far it reaches.

        Args:
            deletion: The dedupe key of the entry's deletion.
            own: This region.

        Returns:
            False if the entry or its deletion is here, also if an earlier call wrote the entry.
        """

    def pass_over(self, stream: Stream, seq: int, own: Region) -> None:
        """Note in this region's own head that nobody waits for missing entries up to this seq."""

    def restore_head(self, stream: Stream, reach: Reach) -> None:
        """Move the head of this region's own stream to an entry beyond it; never back."""

    def mark_deleted(self, entry: Entry) -> None:
        """Mark an entry that is here as deleted, and drop its content. Idempotent."""

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None: ...

    def after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        """Entries with an id above `message_id` ("": all), oldest first. Strongly consistent."""

    def before(
        self, room_id: RoomId, region: Region, message_id: MessageId | None, limit: int
    ) -> list[Entry]:
        """Entries with an id below `message_id` (None: all), newest first. Strongly consistent."""


class Recents(Protocol):
    """The newest entries of rooms."""

    def deliver(self, room_id: RoomId, entries: Sequence[Entry]) -> Delivering:
        """Read what a delivery of these entries needs, and count them for the metrics.

        Adds them to `conversation:{id}:recent`, which keeps the newest 50; an entry with the same
        id is replaced.
        """

    def recent(self, room_ids: Sequence[RoomId]) -> dict[RoomId, list[Entry]]:
        """The cached newest entries, oldest first. May be incomplete: compare with the head."""
