"""Jobs that let what other regions wrote take effect in this region."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..model.identifiers import MessageId, Region, RoomId
from ..model.log import Entry
from .base import NOT_SENT, Job, OutboundJob, Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverForeign(Job):
    """Deliver another region's stream, up to this entry and further, as far as it is here.

    Attributes:
        first: The seq of the first of the entries that have arrived together, up to this one;
            null for this one alone.
        after: The cursor's seq when the job was queued again for the rest; null the first time.
        passes: The seq of a missing entry for which the stream has waited long enough; null
            otherwise.
    """

    kind: ClassVar[str] = "foreign_entry"
    queue: ClassVar[Queued] = Queued.DELIVERY
    entry: Entry
    first: int | None = None
    after: int | None = None
    passes: int | None = None

    @property
    def group(self) -> str:
        """Not the room's: a stream that waits for replication delays no other one."""
        return f"{self.entry.room_id}#{self.entry.region}"

    @property
    def dedupe(self) -> str:
        """With `first`, so that a job for more entries is not taken for one that was done."""
        first = "" if self.first is None else f"#from{self.first}"
        again = "" if self.after is None else f"#{self.after}"
        passes = "" if self.passes is None else f"#over{self.passes}"
        return f"foreign#{self.entry.region}#{self.entry.message_id}{first}{again}{passes}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassHole(OutboundJob):
    """Stop waiting for a missing entry of a stream, if it is still missing.

    Attributes:
        entry: An entry of the stream; others wait for the missing one.
        seq: The seq of the missing entry.
    """

    kind: ClassVar[str] = "hole"
    entry: Entry
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteCopies(OutboundJob):
    """Note which of these messages of another region are stored here, too.

    Their dedupe items have arrived. The entries were, or will be, looked at when they are
    delivered.

    Attributes:
        region: The region that has stored them.
        message_ids: Up to 100 of one stream.
    """

    kind: ClassVar[str] = "foreign_copies"
    room_id: RoomId
    region: Region
    message_ids: tuple[MessageId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSpare(OutboundJob):
    """Keep an entry of another region if replication has not brought it.

    The region that wrote it sends this spare to one other region before it acks the entry as
    `global`.
    The delay is the time in which replication brings nearly every entry.

    Attributes:
        others: Further regions, to which the receiver sends a spare, too.
    """

    kind: ClassVar[str] = "spare"
    delay_s: int = field(default=5, metadata=NOT_SENT)
    entry: Entry
    others: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignChange(OutboundJob):
    """Let an item that another region wrote take effect here.

    Attributes:
        table: The table's short name.
        partition: The item's partition key.
        sort: Its sort key, "" if the table has none.
    """

    kind: ClassVar[str] = "foreign_change"
    table: str
    partition: str
    sort: str


KINDS: tuple[type[Job], ...] = (DeliverForeign, PassHole, NoteCopies, KeepSpare, ForeignChange)
