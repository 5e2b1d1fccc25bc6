"""Judges unread counts and positions of several regions, whose messages arrive late. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contract import positions
from chalicelib.kernel import ids
from chalicelib.messaging.backlog import RECENT_MS
from chalicelib.model.identifiers import Region
from chalicelib.model.log import Entry, EntryKind
from workbench.drills.history import Pushed

from .finding import Finding
from .scheduler import START_MS

if TYPE_CHECKING:
    from .run import Run


@dataclass(frozen=True, slots=True)
class Mark:
    """A user has told a region that they read up to a message.

    Attributes:
        at_us: When it was answered; None if it was not.
    """

    user: str
    room: str
    message_id: str
    region: Region
    at_us: int | None


@dataclass(frozen=True, slots=True)
class Glance:
    """What a program got after a position that it had kept.

    Attributes:
        kept: The messages that it had then; None if the position is of one message, so that of
            other regions only what is newer counts.
        found: The messages that came after it.
    """

    who: str
    room: str
    position: str
    kept: frozenset[str] | None
    found: tuple[str, ...]


def check(this: Run, copies: dict[str, str]) -> Iterator[Finding]:
    """All findings; none of rooms of which a lost region has taken something along."""
    yield from _replayed(this)
    if not this.lost_worlds:
        yield from _unread(this, copies)
        yield from _glances(this, copies)


def _replayed(this: Run) -> Iterator[Finding]:
    """What is old is in the history. It is not pushed, also if nobody knows who has had it."""
    old = ids.first_at(START_MS - RECENT_MS)
    for event in this.record.events:
        if isinstance(event, Pushed) and event.message_id < old:
            yield Finding("replayed", f"{event.message_id} in {event.room} to {event.client}")


def _messages(this: Run, room: str, copies: dict[str, str]) -> list[Entry]:
    return [
        entry
        for entry in this.entries[room]
        if entry.kind is EntryKind.MESSAGE
        and not entry.deleted
        and entry.timestamp_ms >= START_MS - RECENT_MS
        and entry.message_id not in copies
        and entry.message_id not in copies.values()
    ]


def _unread(this: Run, copies: dict[str, str]) -> Iterator[Finding]:
    """What was not in a region when a user marked a newer message there, is unread."""
    arrived = this.deployment.replication.arrived
    for room in this.plan.rooms:
        for user in this.members.get(room, ()):
            marks = [each for each in this.marks if (each.user, each.room) == (user, room)]
            if (room, user) in this.changed or any(each.at_us is None for each in marks):
                continue
            unread = {
                str(entry.message_id)
                for entry in _messages(this, room, copies)
                if entry.sender_id != user
                and all(
                    entry.message_id > mark.message_id
                    or arrived[mark.region, entry.message_id] > (mark.at_us or 0)
                    for mark in marks
                )
            }
            for region, shown in this.views.get(f"rooms and unread counts of {user}", {}).items():
                count = next((number for name, _, number in shown if name == room), None)
                if count is not None and count < len(unread):
                    why = f"{user} has {len(unread)} unread in {room}, {region} says {count}"
                    yield Finding("unread", why)


def _glances(this: Run, copies: dict[str, str]) -> Iterator[Finding]:
    """After a position comes what was not there, however late it arrived, and nothing else."""
    for glance in this.glances:
        user = glance.who.split("/")[0]
        if (glance.room, user) in this.changed:
            continue
        messages = _messages(this, glance.room, copies)
        given = positions.decode(glance.position)
        missing, again = [], []
        for entry in messages:
            known = given.get(entry.region)
            if glance.kept is not None:
                is_due = entry.message_id not in glance.kept
            elif known is not None:
                is_due = entry.seq > known.seq
            else:
                is_due = entry.message_id > max(str(each.last_id) for each in given.values())
            if is_due and entry.message_id not in glance.found:
                missing.append(str(entry.message_id))
            if not is_due and glance.kept is None and entry.message_id in glance.found:
                again.append(str(entry.message_id))
        if missing:
            yield Finding("position", f"{glance.who} misses {missing} after {glance.position}")
        if again:
            yield Finding("position", f"{glance.who} gets {again} again after {glance.position}")
