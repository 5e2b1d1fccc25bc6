"""The line of a stream: drafts that wait to be appended, and the writer who leads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from .identifiers import Stream
from .log import Duplicate, Entry, Head
from .rooms import SmallRoom

TurnId = NewType("TurnId", str)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a frame that appends has drawn.

    Attributes:
        leads: Whether it holds the stream's lease: nobody else is writing, so it may commit.
        head: The stream's head as cached; None if it is not.
        wait_ms: Milliseconds until the room's rate allows another message; 0 if it allowed this
            one. With a wait, nothing was drawn.
        payer: The member's bucket that was charged with the room's.
        room: The room's members; None if they are not cached, or too many.
    """

    id: TurnId
    leads: bool = False
    head: Head | None = None
    wait_ms: int = 0
    payer: str = ""
    room: SmallRoom | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that waits: its seq is 0, its message_id "" and its timestamp_ms 0.

    Attributes:
        dedupe: Its key in the log, so that it is committed once whoever commits it.
    """

    turn_id: TurnId
    entry: Entry
    dedupe: str

    @property
    def stream(self) -> Stream:
        return self.entry.room_id, self.entry.region


class Fate(StrEnum):
    """The end of a draft.

    Attributes:
        DUPLICATE: Its dedupe key was used before: by a resend, or by a leader that died.
        NO_TARGET: The message that it deletes does not exist.
        FAILED: The store refused the entry itself.
    """

    COMMITTED = "committed"
    DUPLICATE = "duplicate"
    NO_TARGET = "no_target"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Settled:
    """The end of a draft, and which entry it became, or which one is there instead of it.

    Attributes:
        alone: It was committed by its own writer, with no other draft.
    """

    fate: Fate
    at: Duplicate | None = None
    alone: bool = False

    @classmethod
    def committed(cls, entry: Entry, *, alone: bool = False) -> Settled:
        at = Duplicate(entry.message_id, entry.region, entry.seq, entry.timestamp_ms)
        return cls(Fate.COMMITTED, at, alone)


@dataclass(frozen=True, slots=True)
class Lead:
    """The caller holds the lease: commit these drafts, the first of the line, onto the head.

    Attributes:
        head: As cached; None if it is not.
    """

    head: Head | None
    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class InLine:
    """Somebody else leads, until `lease_ms` from now if they do not go on."""

    lease_ms: int


Place = Lead | InLine | Settled
