"""Jobs of Engine.IO sessions; they are in the outbound queue, like others without an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..model.connections import Target
from ..model.identifiers import ConnectionId
from .base import Job, OutboundJob


@dataclass(frozen=True, slots=True, kw_only=True)
class GreetSession(OutboundJob):
    """Post the open packet of an Engine.IO websocket and start its heartbeat.

    Attributes:
        attempt: How many jobs before it found the websocket not open yet.
    """

    kind: ClassVar[str] = "engine_open"
    target: Target
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseSession(OutboundJob):
    """Close a websocket that was refused. Earlier versions send it instead of `CloseConnection`."""

    kind: ClassVar[str] = "engine_refuse"
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishUpgrade(OutboundJob):
    """Finish an upgrade whose process died.

    Attributes:
        polling: The session that is taken over; jobs of an earlier version do not name it.
    """

    kind: ClassVar[str] = "engine_upgrade"
    target: Target
    polling: ConnectionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUp(OutboundJob):
    """Clean up after a websocket, of either protocol, whose end could not be stored."""

    kind: ClassVar[str] = "clean_up"
    connection_id: ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(OutboundJob):
    """One step of an Engine.IO session's heartbeat.

    Attributes:
        ping_ms: When the ping that this step follows was sent; after a newer ping it does nothing.
        due_ms: When the step is due.
    """

    kind: ClassVar[str] = "heartbeat"
    target: Target
    ping_ms: int
    due_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviveHeartbeat(OutboundJob):
    """Restart the heartbeat of a silent session if it has stopped."""

    kind: ClassVar[str] = "revive"
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpParts(OutboundJob):
    """Refuse a binary event of a Socket.IO session if parts of it are still missing.

    Attributes:
        sid: The session's first sid, under which its parts wait.
    """

    kind: ClassVar[str] = "engine_parts"
    target: Target
    sid: ConnectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWithoutNamespace(OutboundJob):
    """End a Socket.IO session that has not connected to a namespace in time."""

    kind: ClassVar[str] = "connect_timeout"
    target: Target


KINDS: tuple[type[Job], ...] = (
    GreetSession,
    RefuseSession,
    FinishUpgrade,
    CleanUp,
    Heartbeat,
    ReviveHeartbeat,
    GiveUpParts,
    EndWithoutNamespace,
)
