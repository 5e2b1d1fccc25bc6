"""The rooms' logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.delivery import Delivering
from ..model.identifiers import MessageId, Region, RoomId
from ..model.log import CommitResult, Duplicate, Entry, Head


class MessageLog(Protocol):
    """The rooms' logs. A stream (room, region) is written by its own region only.

    Guarantee: a stream has no hole and no fork: `commit` writes seq n only onto head n-1, and
    its writes (head, entry, dedupe, deletion mark) happen all or not at all.
    """

    def commit(self, entry: Entry, previous: Head, dedupe: str | None, now_ms: int) -> CommitResult:
        """Write `entry` (seq = previous.seq + 1) and move the head.

        `dedupe` is remembered for 24 h: a second commit with it writes nothing and answers
        `Duplicate`, also when the head moved. A deletion marks its `target_id` deleted and
        drops its content in the same act (the target may be of another region's stream:
        region is in entry.content["region"]).

        Raises:
            NotFound: The target of a deletion is not there; nothing was written.
            ValueError: `entry.seq` is not `previous.seq + 1`.
        """

    def find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None: ...

    def restore(self, entry: Entry) -> None:
        """Put an entry of any region's stream if it is absent; never overwrites.

        A later commit under the same id answers `Taken`.
        """

    def heads(self, streams: Sequence[tuple[RoomId, Region]]) -> dict[tuple[RoomId, Region], Head]:
        """Heads, strongly consistent, `Head(0, "")` for empty streams, in batches of 100."""

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None: ...

    def after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        """Entries with an id above `message_id` ("" from the start), oldest first, consistent."""

    def before(
        self, room_id: RoomId, region: Region, message_id: MessageId | None, limit: int
    ) -> list[Entry]:
        """Entries with an id below `message_id` (None: newest), NEWEST first, consistent."""


class Tickets(Protocol):
    """Guesses at a stream's next seq, so that writers of a room do not collide."""

    def return_ticket(self, room_id: RoomId, region: Region, ticket: int) -> None:
        """Nothing was written with it; void when later ones are out (atomic)."""

    def set_ticket(self, room_id: RoomId, region: Region, seq: int) -> None:
        """The stream's head is at `seq`: the next ticket is seq + 1."""


class Recents(Protocol):
    """The newest entries of rooms."""

    def deliver(self, room_id: RoomId, entries: Sequence[Entry]) -> Delivering:
        """What a delivery of these entries of the room begins with; counts them.

        They go into `conversation:{id}:recent`, newest 50; an entry replaces itself.
        """

    def recent(self, room_ids: Sequence[RoomId]) -> dict[RoomId, list[Entry]]:
        """Cached newest entries, oldest first; may be incomplete: check seqs against the head."""
