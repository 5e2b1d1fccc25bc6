"""Engine.IO sessions, and the trails and checkpoints of sockets that can recover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .connections import Target
from .identifiers import ConnectionId, Region, RoomId, Stream, UserId

# What may wait in Redis for one session: frames for its next poll, which are one answer of a
# function (6 MB, escaped), and parts of binary packets, of two with the most attachments.
MAX_FRAMES, MAX_FRAMES_BYTES = 1_000, 2_000_000
MAX_PARTS, MAX_PARTS_BYTES = 66, 1_000_000


class End(StrEnum):
    """How a polling session ends; its value is what is stored.

    CLIENT: its client closed it. SERVER: the server did, and its client should come back.
    OVERLAP: a second poll did, for which the protocol's own tests demand a close packet.
    """

    CLIENT = "6"
    SERVER = "0"
    OVERLAP = "1"

    @property
    def packet(self) -> str:
        """What a waiting poll gets.

        It is a close packet only where it must be: python-socketio never reconnects after one.
        After a noop every client polls once more, is refused, and reconnects.
        """
        return "1" if self is End.OVERLAP else "6"


@dataclass(frozen=True, slots=True)
class EngineSession:
    """An Engine.IO session, from its handshake on.

    Attributes:
        target: Where its frames go; its user is unknown until a namespace is connected.
        user_id: The user of the token in the handshake's query, None without a token;
            `expires_at_s` and `roles` are the token's.
        ping_ms: When the last ping was sent, 0 for never.
        pong_ms: When the client was last heard from.
        namespaces: The connected namespaces.
        upgrades: For a websocket that wants to take over a polling session, that session's sid.
        began: For a websocket that began as a polling session, that session's sid.
        probed_ms: For a polling session, when such a websocket sent its probe, 0 for never.
        recovers: Whether the client supports connection state recovery.
        may_recover: It is a client whose older versions do not. It gets a pid, and shows that it
            supports recovery when it sends this pid.
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
    began: ConnectionId | None = None
    probed_ms: int = 0
    recovers: bool = False
    may_recover: bool = False


@dataclass(frozen=True, slots=True)
class PacketPart:
    """A part of a binary packet that waits for the other parts.

    Attributes:
        number: Identifies the part within its session, in the order of arrival.
        at: When it was sent: milliseconds if frames may overtake each other, else its number.
            So parts that came by POST are before all that came over a websocket.
        wanted: For a packet's head, how many attachments it has; None for an attachment.
    """

    number: int
    at: int
    wanted: int | None = None


MOST_USES = 16  # of one checkpoint, each with another offset


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a socket had been sent at one moment, from which it can recover.

    Attributes:
        pid: The secret with which the client proves that the session is its own.
        seen: For each stream that the socket gets, the seq sent to it.
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
        target: Its current connection.
        since: Streams with entries sent since the checkpoint, the latest last.
        seq: The seq sent of the requested stream; None if nothing of it was ever sent.
        in_doubt: It is unknown what the socket has: its CONNECT is being answered, or the process
            that did so died; or the trail may be an older one, because Redis failed over or
            restarted since it was started.
        attempt: The answer to a CONNECT that started it.
        begun: The caller may post entries of the stream, and must settle.
        held: Another process is posting entries of the stream, or died at it.
    """

    target: Target
    pid: str
    checkpoint_id: str
    since: tuple[tuple[RoomId, Region, int], ...] = ()
    seq: int | None = None
    in_doubt: bool = False
    attempt: str = ""
    begun: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class StreamsSent:
    """All that a socket has certainly been sent, at one moment.

    Attributes:
        seen: The seq sent of each stream.
        since: As in `Trail`.
    """

    seen: Mapping[Stream, int]
    since: tuple[tuple[RoomId, Region, int], ...] = ()
