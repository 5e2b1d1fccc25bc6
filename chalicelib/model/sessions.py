"""Engine.IO sessions, and how far sockets that can recover have been sent their streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .connections import Target
from .identifiers import ConnectionId, Region, RoomId, Stream, UserId


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
class PacketPart:
    """What is known of a part of a binary packet that waits for others.

    Attributes:
        number: Its name within the session, in the order of arrival.
        at: When it was sent: milliseconds where frames overtake each other, else its number.
        wanted: How many attachments a packet's text wants; None for an attachment.
    """

    number: int
    at: int
    wanted: int | None = None


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
