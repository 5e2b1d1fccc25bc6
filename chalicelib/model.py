"""The nouns as values: frozen, without behaviour beyond their own shape.

Times are integer milliseconds since the epoch (`_ms`) unless a name says otherwise. Nothing
here knows a store, a queue or a protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

UserId = NewType("UserId", str)
RoomId = NewType("RoomId", str)
ConnectionId = NewType("ConnectionId", str)
MessageId = NewType("MessageId", str)
Region = NewType("Region", str)
POLLING = "polling"


class RoomType(StrEnum):
    PRIVATE_CHAT = "private_chat"
    GROUP_CHAT = "group_chat"
    MOMENTS = "moments"
    NOTIFICATIONS = "notifications"


class Role(StrEnum):
    """A member's role in a room, weakest first; a reader reads and writes nothing."""

    READER = "reader"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    @property
    def writes(self) -> bool:
        return self is not Role.READER

    @property
    def manages(self) -> bool:
        return self in (Role.ADMIN, Role.OWNER)


@dataclass(frozen=True, slots=True)
class Target:
    """What a post to a connection needs, stored with the connection (never derived from a domain).

    Attributes:
        connection_id: For a Socket.IO namespace other than "/" with the namespace behind it
            (`ids.socket_id`).
        protocol: Which encoder its frames take: `json`, or `sio:` and the namespace (`sio+:`
            where frames carry offsets).
        connected_at_ms: When `$connect` ran; a 410 soon after this means "not yet", later "gone".
        sid: For a Socket.IO namespace the id its client knows; upgrade and recovery keep it.
    """

    connection_id: ConnectionId
    user_id: UserId
    api_id: str
    stage: str
    region: Region
    protocol: str
    connected_at_ms: int
    sid: str = ""

    @property
    def origin(self) -> ConnectionId:
        """Who sends on it, for entries not to come back to him: the same after an upgrade."""
        return ConnectionId(self.sid) if self.sid else self.connection_id

    @property
    def polls(self) -> bool:
        """Not a websocket: its frames wait in an outbox for the next poll."""
        return self.api_id == POLLING


@dataclass(frozen=True, slots=True)
class Connection:
    """One device's connection.

    Attributes:
        expires_at_s: When its token ends, seconds since the epoch.
        roles: Roles of the token (`service`, `admin`).
        rooms: Rooms it joined, for ephemeral events.
    """

    target: Target
    device_info: Mapping[str, str]
    connected_at_ms: int
    last_ping_ms: int
    expires_at_s: int
    roles: tuple[str, ...] = ()
    rooms: tuple[RoomId, ...] = ()

    @property
    def connection_id(self) -> ConnectionId:
        return self.target.connection_id

    @property
    def user_id(self) -> UserId:
        return self.target.user_id


@dataclass(frozen=True, slots=True)
class EngineSession:
    """An Engine.IO session, from its handshake on.

    Attributes:
        target: Where its frames go; the user is not known before a namespace is connected.
        user_id: Of the token in the handshake's query, None without one; the next two are its.
        ping_ms: When the last ping was sent, 0 for never.
        pong_ms: When it was last heard of.
        namespaces: Those connected.
        upgrades: For a websocket that would take over a polling session, that session.
        probed_ms: For a polling session, when such a websocket has probed, 0 for never.
        recovers: The client is known to understand connection state recovery.
    """

    target: Target
    device_info: Mapping[str, str]
    user_id: UserId | None = None
    expires_at_s: int = 0
    roles: tuple[str, ...] = ()
    ping_ms: int = 0
    pong_ms: int = 0
    namespaces: frozenset[str] = frozenset()
    upgrades: ConnectionId | None = None
    probed_ms: int = 0
    recovers: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of a part of a binary packet that waits for others.

    Attributes:
        number: Its name within the session, in the order of arrival.
        at: When it was sent: milliseconds where frames overtake each other, else its number.
        wanted: How many attachments a packet's text wants; None for an attachment.
    """

    number: int
    at: int
    wanted: int | None = None


Stream = tuple[RoomId, Region]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a socket had been sent at one time, for it to come back to.

    Attributes:
        pid: The secret that the client shows for the whole of the session.
        seen: The seq reached of each stream it is told of.
    """

    checkpoint_id: str
    pid: str
    sid: str
    user_id: UserId
    protocol: str
    seen: Mapping[Stream, int]


@dataclass(frozen=True, slots=True)
class Trail:
    """How far a socket that can recover has been sent its streams.

    Attributes:
        target: Where it is now.
        since: Streams that went on since the checkpoint, the latest last.
        seq: Of the stream asked for; None for one it was never told of.
        in_doubt: Something was begun to be posted, and nobody knows whether it was.
    """

    target: Target
    pid: str
    checkpoint_id: str
    since: tuple[tuple[RoomId, Region, int], ...] = ()
    seq: int | None = None
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    room_id: RoomId
    room_type: RoomType
    created_by: UserId
    created_at_ms: int
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    room_id: RoomId
    user_id: UserId
    role: Role
    joined_at_ms: int


class FriendStatus(StrEnum):
    """As one of the two sees it."""

    FRIENDS = "friends"
    REQUESTED = "requested"
    INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class Friend:
    """Another user as a friend.

    Attributes:
        since_ms: Since when the friendship holds, or is asked for.
    """

    user_id: UserId
    status: FriendStatus
    since_ms: int


class Status(StrEnum):
    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Presence:
    """A user as one region shows him to his friends.

    Attributes:
        status: What is shown; `announced` is what his friends have been told.
        chosen: What he set while connected; None for what his connections say.
        since_ms: Since when it is shown; grows with each change.
        last_seen_ms: When he was last connected, 0 for never.
        version: Number of changes.
    """

    user_id: UserId
    region: Region
    status: Status = Status.OFFLINE
    announced: Status = Status.OFFLINE
    chosen: Status | None = None
    since_ms: int = 0
    last_seen_ms: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Devices:
    """How many connections a user has, and when the last one of all ended (None: not known)."""

    connected: int
    left_ms: int | None


@dataclass(frozen=True, slots=True)
class Marker:
    """Up to where a user has read a room, and when he said so."""

    user_id: UserId
    message_id: MessageId
    read_ms: int


class EntryKind(StrEnum):
    """What a log entry says: a message, or that an earlier message was deleted."""

    MESSAGE = "message"
    DELETION = "deletion"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a room's log: the stream (room_id, region), contiguous from seq 1.

    Within a stream, message_id order is seq order; over streams, message_id order is the
    canonical order of the room.

    Attributes:
        target_id: For a deletion, the message it deletes.
        deleted: For a message, that it was deleted: its content is gone.
        origin_id: The `Target.origin` it was sent from: it has the ack and gets no event.
        delivery_receipt: Its sender wants to know whom it reached.
    """

    room_id: RoomId
    region: Region
    seq: int
    message_id: MessageId
    kind: EntryKind
    sender_id: UserId
    timestamp_ms: int
    message_type: str = ""
    content: Any = None
    reply_to_message_id: MessageId | None = None
    client_message_id: str | None = None
    target_id: MessageId | None = None
    deleted: bool = False
    origin_id: ConnectionId | None = None
    delivery_receipt: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a stream; `Head(0, "")` of an empty one.

    Attributes:
        last_id: Its message_id; None when only the seq is known (a guess from the cache).
    """

    seq: int
    last_id: MessageId | None


@dataclass(frozen=True, slots=True)
class Committed:
    """The entry is durable."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The stream's head is not the one expected, or its last id is not below ours: try again."""

    head: Head


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The dedupe key is known: this is the entry that was written for it."""

    message_id: MessageId
    region: Region
    seq: int
    timestamp_ms: int


CommitResult = Committed | Taken | Duplicate


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream has been delivered in a region.

    Attributes:
        seq: Of the last entry delivered, 0 for none; `message_id` is its id.
        split_at_ms: When it was last delivered in parts, 0 for never.
        behind: Connections (`Target.origin`) whose posts of this stream go through an order group
            of their own, and the seq of the last entry that was queued there.
    """

    seq: int = 0
    message_id: MessageId = MessageId("")
    split_at_ms: int = 0
    behind: Mapping[ConnectionId, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Charge:
    """One token of a bucket, to be taken with a frame or a request.

    Attributes:
        name: The action it is for.
        payer: Whose bucket; None takes it from one of the connection's own (the user is not
            known before its entry is read).
    """

    name: str
    per_s: float
    burst: int
    now_ms: int
    payer: UserId | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """What the cache knows at the arrival of a frame, read in one round trip.

    Attributes:
        connection: None when the cache does not hold it.
        role: The user's role in the asked room, None when not known to be current.
        version: The room's membership version, None when the cache has none.
        ticket: A guess at the next seq of the room's stream, None when none was asked for.
        wait_ms: 0, or how long the bucket asked for has no token.
    """

    connection: Connection | None
    role: Role | None = None
    version: str | None = None
    ticket: int | None = None
    wait_ms: int = 0


@dataclass(frozen=True, slots=True)
class Delivering:
    """What the cache knows when a delivery to a room begins, read in one round trip.

    Attributes:
        version: The room's membership version, None when the cache has none.
        members: None when not cached.
    """

    version: str | None
    members: Mapping[UserId, Role] | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was counted: connections at the last sweep, messages since the last asking.

    Attributes:
        seconds: The time in which the messages were; None when nobody has asked before.
    """

    connections: int | None
    messages: int
    seconds: float | None


class Outcome(StrEnum):
    """What became of a post to a connection.

    Attributes:
        UNSENT: It was not posted, the region's budget of posts is used up.
        BUSY: Refused, and so were many others: the account's requests are used up.
        THROTTLED: Refused alone: its client reads too slowly.
    """

    DELIVERED = "delivered"
    GONE = "gone"
    UNSENT = "unsent"
    BUSY = "busy"
    THROTTLED = "throttled"
    TOO_LARGE = "too_large"
    FAILED = "failed"

    @property
    def refused(self) -> bool:
        """It did not arrive for certain, and may when it is posted again."""
        return self in (Outcome.UNSENT, Outcome.BUSY, Outcome.THROTTLED)


@dataclass(frozen=True, slots=True)
class Post:
    target: Target
    data: bytes


@dataclass(frozen=True, slots=True)
class Job:
    """A unit of work on a queue.

    Attributes:
        kind: Which worker function takes it.
        group: FIFO order group (delivery queue only).
        dedupe: FIFO deduplication id: a second send within five minutes is dropped by SQS.
        delay_s: Seconds before it can be received (outbound queue only, 0 to 900).
    """

    kind: str
    body: Mapping[str, Any]
    group: str | None = None
    dedupe: str | None = None
    delay_s: int = 0
