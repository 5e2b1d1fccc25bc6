"""Who delivers a stream: the worker of its room, or the sender of its newest entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.delivery import Lane, Lease
from ..model.identifiers import Stream, UserId
from ..model.log import Entry


class DeliveryLeases(Protocol):
    """One holder for each stream, for a limited time. Times are the cache's own.

    Guarantee: none that a cursor relies on. A lease may end while its holder posts, and all of this
    may be lost or be old. The numbers of leases rise nevertheless: the cursor is fenced by them.
    """

    def take_lease(self, stream: Stream, token: str, lease_ms: int) -> Lease | int:
        """Take the lease if it is free or one's own (atomic); else how many ms it lasts."""

    def take_lane(
        self,
        stream: Stream,
        token: str,
        lease_ms: int,
        entries: Sequence[Entry],
        users: Sequence[UserId],
    ) -> Lane | None:
        """Take the lease to deliver an entry at once, and read who of these users is online.

        Also adds the entries, of which the first is to be delivered, to the room's recent ones.

        Returns:
            None if somebody else holds the lease, if the last holder left the cursor elsewhere than
            before the entry, or if writers wait in the stream's line.
        """

    def release_lease(
        self, stream: Stream, token: str, at: int | None, plain: bool, delivered: int = 0
    ) -> None:
        """Give up the lease, and store where the cursor is; None if that is unknown.

        Without effect on the lease if it is not this token's any more.

        Args:
            delivered: How many entries to count for the metrics.
        """
