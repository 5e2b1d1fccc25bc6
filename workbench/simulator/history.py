"""What the clients of a run saw, for the checks: messages as drills record them, and the rest."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.drills.history import Event


@dataclass(frozen=True, slots=True)
class Shown:
    """The content that a device was pushed or answered for a message."""

    device: str
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A device got an event that is in no log."""

    at_s: float
    device: str
    name: str
    room: str
    user: str
    detail: str = ""


@dataclass
class Record:
    """
    Attributes:
        events: Messages sent, acked, pushed, seen; connections.
        not_recovered: Devices that were given a snapshot although they had a position, by room.
    """

    events: list[Event] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    not_recovered: list[tuple[str, str]] = field(default_factory=list)
