"""The lines in which writers of a busy stream wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..model.access import Charge
from ..model.identifiers import RoomId, Stream
from ..model.lines import Draft, Place, Settled, Turn, TurnId
from ..model.log import Head

LEASE_MS = 300
BATCH = 24  # with its dedupe item and a deleted message, 73 of the 100 writes of a transaction
DRAFT_MS = 10_000


class Lines(Protocol):
    """Who writes to a stream: one writer holds its lease, the others wait in line.

    Guarantee: none that the log relies on. A lease may end while its holder commits, and all of
    this may be lost or be old: the log's conditions keep the order, and the drafts' dedupe keys
    keep each entry once. Times are Redis's own. A lease lasts 300 ms.
    """

    def enter_line(self, draft: Draft) -> Place:
        """Take the lease if it is free or one's own, else stand in line (idempotent, atomic).

        A leader gets the first 24 drafts of the line, its own among them if it is that far. They
        stay in line until they are settled. A draft that waited for 10 s is dropped.
        """

    def wait_in_line(self, draft: Draft, seconds: float) -> Settled | None:
        """Wait until the draft is settled; None if it is time to `enter_line` again (or sooner)."""

    def settle(
        self,
        stream: Stream,
        turn_id: TurnId,
        head: Head | None,
        settled: Mapping[TurnId, Settled],
    ) -> None:
        """Store the head, take these drafts from the line, wake their writers, pass on the lease.

        Whoever does not hold the lease anymore passes nothing on, and moves the head only forward.
        The next in line gets the lease; if nobody waits, it is free.
        """

    def give_up_turn(self, stream: Stream, turn: Turn, refund: bool) -> None:
        """Give up a turn: leave the line, and pass on the lease if it is this one's (atomic).

        With `refund`, the room's rate and the member's share get back what the turn cost.
        """


class RoomBuckets(Protocol):
    """Token buckets that limit what a room takes."""

    def spend_room(self, room_id: RoomId, charge: Charge) -> int:
        """Take a token of the room's rate and of the payer's share of it: both or none (atomic).

        Returns 0, or the milliseconds until both have one. The time is Redis's own.
        """
