"""Revocations: refuse a user's tokens until a given time, although they are still valid.

The store is what holds: every handshake, renewal and HTTP request reads it. For frames, which read
no table, a revocation is noted in Redis, where their round trip finds it, and sent to all
processes. Jobs close what is open. They come several times, as a handshake that was checked just
before may open a connection a little later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..jobs.outbound import DisconnectUser
from ..kernel import telemetry
from ..kernel.errors import CacheDown, PermissionDenied
from ..model.access import Identity
from ..model.connections import FrameContext
from ..model.identifiers import UserId
from ..ports.access import RevocationStore, RevokedUsers
from ..ports.queues import Queue
from ..ports.system import Clock
from .claims import LEEWAY_S
from .cluster import REVOKED, Cluster

# After the first time, the index shows connections that opened while the revocation was written.
# After the second one, all are there whose check came before it: see `FRESH_MS`.
LATECOMERS_S = (5, 30)
# What is opened later than this after its check is checked again, when it is stored. So the jobs
# find what was opened without a second check.
FRESH_MS = 5_000
# A user who is disconnected but not locked out loses what was opened up to then by the other
# region's clock; a connection opened shortly afterwards opens once more.
CLOCKS_DIFFER_MS = 2_000


class Revocations:
    def __init__(
        self,
        store: RevocationStore,
        cache: RevokedUsers,
        cluster: Cluster,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._store = store
        self._cache = cache
        self._cluster = cluster
        self._outbound = outbound
        self._clock = clock

    def check(self, user_id: UserId) -> None:
        """Raise `PermissionDenied` while the user is revoked (a consistent read)."""
        if self._store.until_ms(user_id) > self._clock.now_ms():
            raise PermissionDenied(REVOKED)

    def checked(self, identity: Identity) -> Identity:
        """Check the user, and return the identity with the time of the check.

        Raises:
            PermissionDenied: The user is revoked.
        """
        now_ms = self._clock.now_ms()
        self.check(identity.user_id)
        return replace(identity, checked_ms=now_ms)

    def check_frame(self, frame: FrameContext) -> None:
        """Raise `PermissionDenied` if the user of a frame is revoked, without a read of the store.

        Only if the connection had to be read from the store, the revocation is, too.
        """
        assert frame.connection is not None
        if frame.paid.revoked_ms > self._clock.now_ms():
            raise PermissionDenied(REVOKED)
        self._cluster.check(frame.connection.user_id)
        if frame.from_store:
            self.check(frame.connection.user_id)

    def revoked_since(self, user_id: UserId, checked_ms: int) -> bool:
        """Whether the user was revoked or disconnected after a check. Ask after the write.

        The store is read only if the check was a while ago. Otherwise the jobs of a revocation that
        the check did not see find the connection that was written.

        Args:
            checked_ms: When the user was checked; 0 if that is unknown.
        """
        now_ms = self._clock.now_ms()
        if now_ms - checked_ms <= FRESH_MS:
            return False
        until_ms = self._store.until_ms(user_id)
        return until_ms > now_ms or until_ms >= checked_ms > 0

    def repeat(self, user_id: UserId) -> bool:
        """Note a revocation in Redis again, which may have been away; False if there is none."""
        until_ms = self._store.until_ms(user_id)
        if until_ms <= self._clock.now_ms():
            return False
        self._note(user_id, until_ms)
        return True

    def replicated(self, user_id: UserId) -> None:
        """Do for a revocation of another region what `revoke` does beside the write. Idempotent."""
        until_ms, now_ms = self._store.until_ms(user_id), self._clock.now_ms()
        if until_ms == 0:
            return  # it has expired and was deleted
        at_ms = min(now_ms, until_ms + CLOCKS_DIFFER_MS)
        if until_ms > now_ms:
            self._refuse_frames(user_id, until_ms)
        self._disconnect(user_id, at_ms, (*LATECOMERS_S, 0))

    def revoke(self, user_id: UserId, for_s: int) -> int:
        """End the user's connections, and refuse new ones for some time.

        The jobs that end connections later are queued before the write. So they end them also if
        this process dies after it. If the write took long, they are queued again.

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
        self._disconnect(user_id, now_ms, LATECOMERS_S)
        self._store.put(user_id, until_ms)
        self._refuse_frames(user_id, until_ms)
        is_late = self._clock.now_ms() - now_ms > FRESH_MS
        self._disconnect(user_id, now_ms, (*LATECOMERS_S, 0) if is_late else (0,))
        return max(until_ms, self._store.until_ms(user_id))

    def _disconnect(self, user_id: UserId, at_ms: int, delays_s: Sequence[int]) -> None:
        jobs = [DisconnectUser(user_id=user_id, at_ms=at_ms, delay_s=each) for each in delays_s]
        self._outbound.send(jobs)

    def _refuse_frames(self, user_id: UserId, until_ms: int) -> None:
        self._note(user_id, until_ms)
        self._cluster.revoked(user_id, until_ms)

    def _note(self, user_id: UserId, until_ms: int) -> None:
        try:
            self._cache.note_revoked(user_id, until_ms)
        except CacheDown:
            telemetry.log("WARNING", "revocation_not_noted")
