"""A drill's history as data: sends, acks, pushes, connections, cuts, and the final log.

No sockets and no clock. A *client* is one device of one user; a *key* is a message's
`client_message_id`. Times are seconds since the drill began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

Client = NewType("Client", str)
Room = NewType("Room", str)
Key = NewType("Key", str)
MessageId = NewType("MessageId", str)


@dataclass(frozen=True, slots=True)
class Ack:
    """What the ack of a message said."""

    message_id: MessageId
    durability: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Ack:
        return cls(MessageId(data["message_id"]), str(data["durability"]))


@dataclass(frozen=True, slots=True)
class Sent:
    """A client began to send a message; its resends belong to the same send."""

    at_s: float
    client: Client
    room: Room
    key: Key


@dataclass(frozen=True, slots=True)
class Acked:
    at_s: float
    client: Client
    room: Room
    key: Key
    message_id: MessageId
    durability: str = "regional"


@dataclass(frozen=True, slots=True)
class Failed:
    """The client gave up; the message may still be in the log."""

    at_s: float
    client: Client
    room: Room
    key: Key
    reason: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """The server pushed a message to the client, which may have it already."""

    at_s: float
    client: Client
    room: Room
    message_id: MessageId


@dataclass(frozen=True, slots=True)
class Seen:
    """The client showed a message, pushed or synced, after its own de-duplication."""

    at_s: float
    client: Client
    room: Room
    message_id: MessageId


@dataclass(frozen=True, slots=True)
class Connected:
    """A client connected.

    Attributes:
        recovered: As a Socket.IO client reports it; other clients recover by `sync`.
        host: Host and port that it connected to, "" if its client does not say.
    """

    at_s: float
    client: Client
    recovered: bool = False
    host: str = ""


@dataclass(frozen=True, slots=True)
class Disconnected:
    at_s: float
    client: Client
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call or a connection attempt of the client was refused or not answered in time."""

    at_s: float
    client: Client
    what: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The drill broke a connection: in which way, and what the connection carried."""

    at_s: float
    way: str
    what: str


Event = Sent | Acked | Failed | Pushed | Seen | Connected | Disconnected | Refusal | Cut


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A message in the room's log.

    Attributes:
        origin: The region that stored it, "" if there is one only.
    """

    message_id: MessageId
    key: Key
    origin: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """A whole drill.

    Attributes:
        members: The clients in each room.
        log: Each room's messages of the drill, in the log's order, read at the end.
        events: In the order of observation; those of one client in the client's order.
    """

    members: Mapping[Room, frozenset[Client]] = field(default_factory=dict)
    log: Mapping[Room, tuple[LogEntry, ...]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
