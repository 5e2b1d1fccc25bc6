"""In which other regions users are connected, as replication has brought their presence.

A user's presence has an item for each region in which they have ever been. The cache remembers for
a minute what was read; a change that is replicated makes it forget. So an event for users who are
connected here only costs one Redis trip.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..kernel import telemetry
from ..kernel.errors import CacheDown
from ..model.identifiers import Region, UserId
from ..model.presence import Presence, Status
from ..model.rooms import LARGE, LargeRoom
from ..ports.presence import ElsewhereCache, PresenceStore

MOST_LOOKED_FOR = LARGE


class Whereabouts:
    """
    Args:
        peers: All other regions of the deployment.
    """

    def __init__(
        self, presence: PresenceStore, cache: ElsewhereCache, peers: Sequence[Region]
    ) -> None:
        self._presence = presence
        self._cache = cache
        self._peers = tuple(peers)

    def of(self, user_ids: Collection[UserId] | LargeRoom) -> frozenset[Region]:
        """Return the other regions in which any of these users may be connected.

        Of more than `MOST_LOOKED_FOR` users these are all regions: to look for them would cost
        more than an event that nobody is there for.

        Raises:
            Unavailable: It is not known.
        """
        if not self._peers or not len(user_ids):
            return frozenset()
        if isinstance(user_ids, LargeRoom) or len(user_ids) > MOST_LOOKED_FOR:
            return frozenset(self._peers)
        known = self._cache.elsewhere(sorted(user_ids))
        if unknown := [user_id for user_id in sorted(user_ids) if user_id not in known]:
            read: dict[UserId, set[Region]] = {user_id: set() for user_id in unknown}
            for each in self._presence.get_many(unknown, self._peers):
                if _is_connected(each):
                    read[each.user_id].add(each.region)
            fresh = {user_id: frozenset(regions) for user_id, regions in read.items()}
            self._cache.note_elsewhere(fresh)
            known |= fresh
        return frozenset[Region]().union(*known.values())

    def changed(self, user_id: UserId) -> None:
        """Read a user's presence anew: another region has changed it."""
        try:
            self._cache.forget_elsewhere(user_id)
        except CacheDown:
            telemetry.log("WARNING", "whereabouts_not_forgotten")  # a minute at most


def _is_connected(presence: Presence) -> bool:
    """A user who chose to be shown as offline may be connected."""
    return presence.status is not Status.OFFLINE or presence.chosen is not None
