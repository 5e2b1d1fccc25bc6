"""What users decide about others: who may add them to rooms, whom they block, invitations.

Each decision is about one thing (`about`) and replaces the one before. With several regions, each
region keeps its own latest decision, and **the latest of all holds**: it is later than every one
that was known when it was made. Of two at the same millisecond, the stricter one holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from .identifiers import RoomId, UserId

ADDED_BY = "added_by"
BLOCK, INVITATION = "block:", "invitation:"
_PENDING, _DECLINED = "pending", "declined"


class AddedBy(StrEnum):
    """Who may add a user to rooms; the later ones are stricter. Others can only invite."""

    EVERYBODY = "everybody"
    FRIENDS = "friends"
    INVITATION = "invitation"


@dataclass(frozen=True, slots=True)
class Decided:
    """What a user decided about one thing.

    Attributes:
        value: "" takes an earlier decision back. In the order of characters, the stricter of two
            values is the later one.
        expires_s: When it is forgotten, in seconds since the epoch; 0 for never.
    """

    value: str
    at_ms: int
    expires_s: int = 0


def latest(held: Iterable[Decided]) -> Decided | None:
    """Return the decision that holds."""
    return max(held, key=lambda each: (each.at_ms, each.value), default=None)


def after(known: Decided | None, now_ms: int) -> int:
    """Return the time of a decision that is made now: later than the one that is known."""
    return max(now_ms, known.at_ms + 1) if known is not None else now_ms


def block_of(user_id: UserId) -> str:
    return f"{BLOCK}{user_id}"


def invitation_to(room_id: RoomId) -> str:
    return f"{INVITATION}{room_id}"


@dataclass(frozen=True, slots=True)
class Block:
    """A user whom another one has blocked, and since when."""

    user_id: UserId
    since_ms: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation to a room that was neither accepted nor withdrawn.

    Attributes:
        declined: It waits no longer, and is not made again until it expires.
    """

    room_id: RoomId
    invited_by: UserId
    at_ms: int
    declined: bool = False

    @property
    def value(self) -> str:
        """Its state as the value of a decision."""
        return f"{_DECLINED if self.declined else _PENDING}:{self.invited_by}"


def invitation_of(about: str, decided: Decided, now_ms: int) -> Invitation | None:
    """Return the invitation that a decision is; None if it expired or was settled."""
    state, _, by = decided.value.partition(":")
    if not state or decided.expires_s * 1000 <= now_ms:
        return None
    room_id = RoomId(about.removeprefix(INVITATION))
    return Invitation(room_id, UserId(by), decided.at_ms, declined=state == _DECLINED)
