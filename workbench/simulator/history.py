"""What the clients of a run saw, for the checks: messages as drills record them, and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.drills.history import Event


@dataclass(frozen=True, slots=True)
class Shown:
    """The content that a device was pushed or answered for a message."""

    device: str
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The newest messages of a room, as a device without a position got them."""

    device: str
    room: str
    messages: frozenset[str]


@dataclass(frozen=True, slots=True)
class Heard:
    """A device got an event that is in no log.

    Attributes:
        said: The time in the event.
    """

    at_s: float
    device: str
    name: str
    room: str
    user: str
    detail: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class HandedOn:
    """A stock client handed a message to its program, which drops nothing by itself.

    Attributes:
        life: The number of its session: one that is not recovered begins a new life.
        line: The number of its connection.
        upgraded: Whether the connection was upgraded before.
    """

    device: str
    life: int
    line: int
    message_id: str
    upgraded: bool


@dataclass(frozen=True, slots=True)
class Read:
    """The pages of a room's history that a client of the HTTP API read, put together.

    Attributes:
        began_s: When its first request began.
        messages: Message ids, oldest first.
        after: The message that the reading began after; empty if it went back from the newest.
    """

    began_s: float
    client: str
    room: str
    messages: tuple[str, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Done:
    """A device or a program was answered that something is done.

    Attributes:
        began_s: When it asked.
        what: An action, an endpoint, or `connects`.
    """

    began_s: float
    answered_s: float
    client: str
    what: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """An operator was answered that a user's connections are ended.

    Attributes:
        began_s: When the operator asked first.
        until_s: Until when the user is refused; no later than the beginning if they are not.
    """

    user: str
    began_s: float
    acked_s: float
    until_s: float


@dataclass
class Record:
    """
    Attributes:
        events: Messages sent, acked, pushed, seen; connections.
        not_recovered: Devices that were given a snapshot although they had a position, by room.
        answered_again: Devices whose CONNECT was answered with one socket and then with another.
        left_open: Connections of revoked users when none may be left: `registered a` or `open a`.
    """

    events: list[Event] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    not_recovered: list[tuple[str, str]] = field(default_factory=list)
    handed_on: list[HandedOn] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    answered_again: list[str] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    revocations: list[Revocation] = field(default_factory=list)
    left_open: list[str] = field(default_factory=list)

    def note_sync(
        self, device: str, room: str, part: Mapping[str, Any], *, had_position: bool
    ) -> None:
        """Note what a device was shown of a room by a sync."""
        messages = part.get("messages", [])
        self.shown += [Shown(device, m["message_id"], str(m["content"])) for m in messages]
        if "error" in part or part["recovered"]:
            return
        if had_position:
            self.not_recovered.append((device, room))
        self.snapshots.append(Snapshot(device, room, frozenset(m["message_id"] for m in messages)))
