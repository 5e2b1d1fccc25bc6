"""Jobs of delivery.fifo: what has to be done in order, within a room, a device or a user."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ..kernel import ids
from ..model.access import Identity
from ..model.connections import Target
from ..model.identifiers import MessageId, Region, RoomId, UserId
from ..model.log import Entry
from .base import NOT_SENT, Job, Queued

_DEDUPE_LENGTH = 128  # of an SQS deduplication id; the end of ours is what differs


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverEntry(Job):
    """Deliver a room's stream from its cursor up to this entry.

    Attributes:
        after: Where the cursor stood when the job was queued again for the rest; None at first.
    """

    kind: ClassVar[str] = "entry"
    queue: ClassVar[Queued] = Queued.DELIVERY
    entry: Entry
    after: int | None = field(default=None, metadata=NOT_SENT)

    @property
    def group(self) -> str:
        return self.entry.room_id

    @property
    def dedupe(self) -> str:
        if self.after is not None:
            return f"rest#{self.entry.region}#{self.after}#{self.entry.message_id}"
        return f"{self.entry.room_id}#{self.entry.message_id}"[-_DEDUPE_LENGTH:]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverPart(Job):
    """Deliver an entry to a share of a large room's connections.

    Attributes:
        part: The share's number; a device is always in the same one.
        start: Where in the share these targets begin.
    """

    kind: ClassVar[str] = "part"
    queue: ClassVar[Queued] = Queued.DELIVERY
    entry: Entry
    targets: tuple[Target, ...]
    part: int = field(default=0, metadata=NOT_SENT)
    start: int = field(default=0, metadata=NOT_SENT)

    @property
    def group(self) -> str:
        return f"{self.entry.room_id}#{self.part}"

    @property
    def dedupe(self) -> str:
        entry = self.entry
        return f"{entry.region}#{entry.seq}#{entry.message_id}#{self.part}-{self.start}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverDirect(Job):
    """Deliver an entry to one connection that has fallen behind."""

    kind: ClassVar[str] = "direct"
    queue: ClassVar[Queued] = Queued.DELIVERY
    entry: Entry
    target: Target

    @property
    def group(self) -> str:
        return ids.socket_group(self.target.origin)

    @property
    def dedupe(self) -> str:
        entry = self.entry
        return f"c#{entry.region}#{entry.seq}#{self.target.origin}#{entry.message_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRecovery(Job):
    """Answer the CONNECT of a socket that can recover, with what it missed.

    Attributes:
        device: What the handshake says of the device.
        offset: Where it comes back from; None for a new socket.
        token: Makes each send a job of its own.
    """

    kind: ClassVar[str] = "recovery_start"
    queue: ClassVar[Queued] = Queued.DELIVERY
    target: Target
    identity: Identity
    device: Mapping[str, str]
    offset: str | None
    token: str = field(default="", metadata=NOT_SENT)

    @property
    def group(self) -> str:
        return ids.socket_group(self.target.sid)

    @property
    def dedupe(self) -> str:
        return self.token


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverToRecovering(Job):
    """Deliver an entry to a socket that can recover, with its offset."""

    kind: ClassVar[str] = "recovery_entry"
    queue: ClassVar[Queued] = Queued.DELIVERY
    entry: Entry
    target: Target

    @property
    def group(self) -> str:
        return ids.socket_group(self.target.sid)

    @property
    def dedupe(self) -> str:
        entry = self.entry
        return f"r#{entry.region}#{entry.seq}#{self.target.sid}#{entry.message_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePresence(Job):
    """Compare what friends are shown of a user with their connections, and tell of a change.

    Attributes:
        due: The grace time of a connection that ended is over.
        token: Makes each send a job of its own.
    """

    kind: ClassVar[str] = "presence"
    queue: ClassVar[Queued] = Queued.DELIVERY
    user_id: UserId
    due: bool
    token: str = field(default="", metadata=NOT_SENT)

    @property
    def group(self) -> str:
        return ids.user_group(self.user_id)

    @property
    def dedupe(self) -> str:
        return self.token


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceRoomChange(Job):
    """Tell a room's members of a change, and end what a removed member still has open.

    Attributes:
        change: `created`, `member_added` or `member_removed`.
        token: Makes each send a job of its own.
    """

    kind: ClassVar[str] = "room_updated"
    queue: ClassVar[Queued] = Queued.DELIVERY
    room_id: RoomId
    change: str
    user_id: UserId
    at_ms: int
    token: str = field(default="", metadata=NOT_SENT)

    @property
    def group(self) -> str:
        return self.room_id

    @property
    def dedupe(self) -> str:
        return self.token


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside(Job):
    """A dead letter: entries of a stream that could not be delivered, as a rule one.

    Sent back to the queue, it delivers them from the log.

    Attributes:
        first_seq: The first entry; `seq` and `message_id` are of the last.
        reason: The class and place of the fault, or a name; no text that may quote content.
        attempts: How often the job had been received.
        retries: How often the letter has been sent back.
    """

    kind: ClassVar[str] = "set_aside"
    queue: ClassVar[Queued] = Queued.DELIVERY
    room_id: RoomId
    region: Region
    first_seq: int
    seq: int
    message_id: MessageId
    reason: str
    attempts: int
    at_ms: int
    retries: int = 0

    @property
    def group(self) -> str:
        return self.room_id

    @property
    def dedupe(self) -> str:
        name = f"{self.room_id}#{self.region}#{self.seq}#{self.message_id}#{self.retries}"
        return hashlib.sha256(f"set_aside#{name}".encode()).hexdigest()


KINDS: tuple[type[Job], ...] = (
    DeliverEntry,
    DeliverPart,
    DeliverDirect,
    StartRecovery,
    DeliverToRecovering,
    SettlePresence,
    AnnounceRoomChange,
    SetAside,
)
