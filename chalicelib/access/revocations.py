"""Revocations: refuse a user's tokens until a given time, although they are still valid."""

from __future__ import annotations

from ..jobs.outbound import DisconnectUser
from ..kernel.errors import PermissionDenied
from ..model.identifiers import UserId
from ..ports.access import RevocationStore
from ..ports.queues import Queue
from ..ports.system import Clock
from .cluster import REVOKED, Cluster

# After this time, the index shows connections that opened while the revocation was written.
LATECOMERS_S = 5


class Revocations:
    def __init__(
        self, store: RevocationStore, cluster: Cluster, outbound: Queue, clock: Clock
    ) -> None:
        self._store = store
        self._cluster = cluster
        self._outbound = outbound
        self._clock = clock

    def check(self, user_id: UserId) -> None:
        """Raise `PermissionDenied` while the user is revoked (a consistent read)."""
        if self._store.until_ms(user_id) > self._clock.now_ms():
            raise PermissionDenied(REVOKED)

    def revoke(self, user_id: UserId, for_s: int) -> int:
        """End the user's connections, and refuse new ones for some time.

        A shorter revocation does not end a longer one early.

        Args:
            for_s: Seconds to refuse; with 0 the user can connect again at once.

        Returns:
            When the revocation ends (ms).
        """
        now_ms = self._clock.now_ms()
        until_ms = now_ms + for_s * 1000
        self._store.put(user_id, until_ms)
        self._cluster.revoked(user_id, until_ms)
        jobs = [
            DisconnectUser(user_id=user_id, at_ms=now_ms, delay_s=delay_s)
            for delay_s in (0, LATECOMERS_S)
        ]
        self._outbound.send(jobs)
        return max(until_ms, self._store.until_ms(user_id))
