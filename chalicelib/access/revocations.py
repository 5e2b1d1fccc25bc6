"""Revocations: refuse a user's tokens until a given time, although they are still valid."""

from __future__ import annotations

from ..jobs.outbound import DisconnectUser
from ..kernel.errors import PermissionDenied
from ..model.identifiers import UserId
from ..ports.access import RevocationStore
from ..ports.queues import Queue
from ..ports.system import Clock
from .claims import LEEWAY_S
from .cluster import REVOKED, Cluster

# After the first time, the index shows connections that opened while the revocation was written.
# After the second one, the writer is done.
LATECOMERS_S = (5, 30)
# A user who is disconnected but not locked out loses what was opened up to then by the other
# region's clock; a connection opened shortly afterwards opens once more.
CLOCKS_DIFFER_MS = 2_000


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
        if self.revoked(user_id):
            raise PermissionDenied(REVOKED)

    def revoked(self, user_id: UserId) -> bool:
        """Whether the user is revoked now (a consistent read)."""
        return self._store.until_ms(user_id) > self._clock.now_ms()

    def replicated(self, user_id: UserId) -> None:
        """Do for a revocation of another region what `revoke` does beside the write. Idempotent."""
        until_ms, now_ms = self._store.until_ms(user_id), self._clock.now_ms()
        if until_ms == 0:
            return  # it has expired and was deleted
        at_ms = min(now_ms, until_ms + CLOCKS_DIFFER_MS)
        if until_ms > now_ms:
            self._cluster.revoked(user_id, until_ms)
        jobs = [
            DisconnectUser(user_id=user_id, at_ms=at_ms, delay_s=delay_s)
            for delay_s in (*LATECOMERS_S, 0)
        ]
        self._outbound.send(jobs)

    def revoke(self, user_id: UserId, for_s: int) -> int:
        """End the user's connections, and refuse new ones for some time.

        The jobs that end connections later are queued before the write. So they end them also if
        this process dies after it.

        A shorter revocation does not end a longer one early.

        A token is accepted for the leeway after its end. So a revocation lasts as much longer than
        asked for: one for the lifetime of the tokens outlasts all that were issued before it.

        Args:
            for_s: Seconds to refuse; with 0 the user can connect again at once.

        Returns:
            When the revocation ends (ms).
        """
        now_ms = self._clock.now_ms()
        until_ms = now_ms + (for_s + LEEWAY_S) * 1000 if for_s else now_ms
        jobs = [
            DisconnectUser(user_id=user_id, at_ms=now_ms, delay_s=delay_s)
            for delay_s in LATECOMERS_S
        ]
        self._outbound.send(jobs)
        self._store.put(user_id, until_ms)
        self._cluster.revoked(user_id, until_ms)
        self._outbound.send([DisconnectUser(user_id=user_id, at_ms=now_ms)])
        return max(until_ms, self._store.until_ms(user_id))
