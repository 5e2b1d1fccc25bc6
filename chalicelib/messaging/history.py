"""Pages of a room's history, as the HTTP API gives them."""

from __future__ import annotations

from dataclasses import dataclass

from ..contract import positions
from ..kernel import ids
from ..kernel.errors import Conflict, Internal
from ..model.identifiers import MessageId, RoomId
from ..model.log import Entry
from . import sizes
from .catch_up import CatchUp
from .reading import MessageReader


@dataclass(frozen=True, slots=True)
class Page:
    """A page, oldest first.

    Attributes:
        next: Where the next page begins, in the direction of this one; None for an empty page.
        position: What this page and everything before it covers; None with `before`.
    """

    entries: list[Entry]
    more: bool
    next: MessageId | str | None
    position: str | None


class History:
    def __init__(self, reader: MessageReader, catch_up: CatchUp) -> None:
        self._reader = reader
        self._catch_up = catch_up

    def page(
        self, room_id: RoomId, before: MessageId | None, after: str | None, limit: int
    ) -> Page:
        """Return a page of messages in canonical order.

        Args:
            after: A message id or a position; the page then goes forward. After a position comes
                all that it does not cover, so also what another region wrote earlier and what
                arrived here later. After an id come the ids above it.
            before: With `after`, only ids below it are on the page.

        Raises:
            BadRequest: `after` is neither.
            Conflict: The position is of another history, such as one before a restore.
        """
        if after is not None and ":" in after:
            return self._after(room_id, before, after, limit)
        if after is not None:
            ids.decode(after)
        forward, several = after is not None, self._reader.several and before is None
        # First: what arrives between the reads is then on the page, or after the position.
        reached = self._reader.newest_here(room_id) if several else {}
        id_after = MessageId(after) if after is not None else None
        entries, more = self._reader.history(room_id, before, id_after, limit)
        entries, more = sizes.page(entries, more, newest=not forward)
        if not entries:
            return Page([], more, None, None)
        edge = entries[-1 if forward else 0].message_id
        if before is not None:
            return Page(entries, more, edge, None)
        if not several:
            return Page(entries, more, edge, positions.of(entries[-1]))
        if forward and more:
            reached = self._reader.up_to(room_id, reached, edge)
        position = positions.encode(reached)
        return Page(entries, more, position if forward else edge, position)

    def _after(self, room_id: RoomId, before: MessageId | None, position: str, limit: int) -> Page:
        caught = self._catch_up.since({room_id: position}, limit)[room_id]
        if caught.unreadable:
            raise Internal("this conversation cannot be read now")
        if not caught.recovered:
            raise Conflict("the position is of another history: ask for the newest page instead")
        if before is None:
            return Page(caught.entries, caught.more, caught.position, caught.position)
        below = [entry for entry in caught.entries if entry.message_id < before]
        return Page(below, caught.more, caught.position, None)
