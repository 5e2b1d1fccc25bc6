"""Jobs of delivery.fifo: work that must be done in order within a room, a device or a user."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..kernel import ids
from ..model.access import Identity
from ..model.connections import Target
from ..model.identifiers import MessageId, Region, RoomId, UserId
from ..model.log import Entry
from .base import NOT_SENT, Job, Queued

_DEDUPE_LENGTH = 128  # limit of an SQS deduplication id; the end is kept, as it is what differs


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverEntry(Job):
    """Deliver a room's stream from its cursor up to this entry.

    Attributes:
        after: The cursor's seq when the job was queued again for the rest; null the first time.
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
    """Deliver a large room's stream to one part of its users, from the part's cursor up to here.

    Attributes:
        part: The number of the part; a user is always in the same one.
        after: The seq of the part's cursor when the job was queued again for the rest; null the
            first time.
    """

    kind: ClassVar[str] = "room_part"
    queue: ClassVar[Queued] = Queued.DELIVERY
    entry: Entry
    part: int
    after: int | None = field(default=None, metadata=NOT_SENT)

    @property
    def group(self) -> str:
        return f"{self.entry.room_id}#{self.part}"

    @property
    def dedupe(self) -> str:
        start = "" if self.after is None else self.after
        # A message id is unique in all rooms.
        return f"part#{self.part}#{self.entry.region}#{self.entry.message_id}#{start}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverToTargets(Job):
    """Deliver an entry to these connections. Only earlier versions send it.

    Attributes:
        part: The number of the order group.
        start: The index of the first of these targets in the group.
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
    """Deliver an entry to one connection that did not take an earlier post.

    Attributes:
        part: The part whose cursor notes the connection as behind; null for the stream's cursor.
    """

    kind: ClassVar[str] = "direct"
    queue: ClassVar[Queued] = Queued.DELIVERY
    entry: Entry
    target: Target
    part: int | None = None

    @property
    def group(self) -> str:
        return ids.socket_group(self.target.origin)

    @property
    def dedupe(self) -> str:
        entry = self.entry
        return f"c#{entry.region}#{entry.seq}#{self.target.origin}#{entry.message_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRecovery(Job):
    """Send a socket that can recover what it missed, and answer its CONNECT.

    Attributes:
        device: The device's description from the handshake.
        offset: The offset with which it returns; null for a new socket.
        attempt: Identifies the CONNECT, so that a repeated job is told from another CONNECT. The
            checkpoint that it makes has this name.
        checked_ms: When the store said that the user is not revoked; 0 in jobs of earlier versions.
        token: A random text, so that SQS does not drop the job as a duplicate.
    """

    kind: ClassVar[str] = "recovery_start"
    queue: ClassVar[Queued] = Queued.DELIVERY
    target: Target
    identity: Identity
    device: Mapping[str, str]
    offset: str | None
    attempt: str = ""
    checked_ms: int = 0
    token: str = field(default="", metadata=NOT_SENT)

    @property
    def user(self) -> Identity:
        """The identity, with the time of its check."""
        return replace(self.identity, checked_ms=self.checked_ms)

    @property
    def group(self) -> str:
        return ids.socket_group(self.target.sid)

    @property
    def dedupe(self) -> str:
        return self.token


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverToRecovering(Job):
    """Deliver a stream up to this entry to a socket that can recover, if its room could not."""

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
    """Update a user's presence to match their connections, and send changes to their friends.

    Attributes:
        due: A wait is over: the grace time of a connection that ended, or the time for which a
            change was held back.
        token: A random text, so that SQS does not drop the job as a duplicate.
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
class IntroduceFriend(Job):
    """Send a user's presence to somebody who has become their friend.

    Attributes:
        friend_id: The user who gets it.
        since_ms: When the friendship began. SQS drops a second introduction to the same one.
        version: The user's presence when the friendship had been written. A later one is
            announced to all friends, so that no introduction is needed.
    """

    kind: ClassVar[str] = "introduction"
    queue: ClassVar[Queued] = Queued.DELIVERY
    user_id: UserId
    friend_id: UserId
    since_ms: int
    version: int

    @property
    def group(self) -> str:
        return ids.user_group(self.user_id)

    @property
    def dedupe(self) -> str:
        return _digest("introduction", self.user_id, self.friend_id, str(self.since_ms))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceRoomChange(Job):
    """Send `room_updated` to a room's members, and close the room on a removed member's devices.

    Attributes:
        change: `created`, `member_added` or `member_removed`.
        token: The same text for the same change, so that SQS drops a second announcement of it.
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
class AnnounceToPart(Job):
    """Send `room_updated` to one part of a large room's users.

    Attributes:
        change: `created`, `member_added` or `member_removed`.
        part: The number of the part; a user is always in the same one.
    """

    kind: ClassVar[str] = "room_updated_part"
    queue: ClassVar[Queued] = Queued.DELIVERY
    room_id: RoomId
    change: str
    user_id: UserId
    at_ms: int
    part: int

    @property
    def group(self) -> str:
        """Not that of a part's messages, which do not wait for announcements."""
        return f"{self.room_id}#change#{self.part}"

    @property
    def dedupe(self) -> str:
        """The same for a repeated announcement of the same change."""
        names = (self.change, self.room_id, self.user_id, str(self.at_ms), str(self.part))
        return _digest("room_updated_part", *names)


def change_token(change: str, room_id: RoomId, user_id: UserId, since_ms: int) -> str:
    """Return the token of a change's announcement.

    Args:
        since_ms: When the room was created, or when the membership that changed began.
    """
    return _digest(change, room_id, user_id, str(since_ms))


def _digest(*names: str) -> str:
    """Return a deduplication id for these names, whose lengths together may exceed its limit."""
    return hashlib.sha256("#".join(names).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside(Job):
    """A dead letter for entries of a stream that could not be delivered, usually one entry.

    When the letter is sent back to the queue, the entries are delivered from the log.

    Attributes:
        first_seq: The seq of the first entry; `seq` and `message_id` are those of the last.
        reason: The class and place of the fault, or a name; never a text that may quote content.
        attempts: How often the job was received before.
        retries: How often the letter was sent back.
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
        return _digest("set_aside", name)


KINDS: tuple[type[Job], ...] = (
    DeliverEntry,
    DeliverPart,
    DeliverToTargets,
    DeliverDirect,
    StartRecovery,
    DeliverToRecovering,
    SettlePresence,
    IntroduceFriend,
    AnnounceRoomChange,
    AnnounceToPart,
    SetAside,
)

# Only earlier versions send these; during a deployment, some wait in the queue.
FORMER: tuple[type[Job], ...] = (DeliverToTargets,)
