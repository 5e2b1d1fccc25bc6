"""Connections from the handshake to the clean-up, in the store and in Redis.

`$disconnect` is best effort on AWS. So a connection ends here in three ways: by that event, by a
410 from @connections, or by the sweep. The first to mark it as disconnected cleans up after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from ..access.cluster import REVOKED
from ..access.revocations import Revocations
from ..jobs.base import OutboundJob
from ..jobs.outbound import DisconnectUser, DropGhosts, LeaveRooms, RegisterConnection
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, PermissionDenied, RateLimited, Unavailable
from ..model.access import Identity
from ..model.connections import Connection, Devices, Online, Target
from ..model.identifiers import ConnectionId, UserId
from ..ports.connections import ConnectionStore, Registry
from ..ports.queues import Queue
from ..ports.receipts import Claims
from ..ports.system import Clock, Parallel
from . import lifetime
from .closing import Closing, Reason
from .missed import MissedPushes
from .presence_jobs import PresenceJobs
from .restoring import Restorer
from .views import RoomViews

# The waits before a connection is registered that could not be: Redis, when it is back, lacks it
# for at most a minute. Together they are longer than the 180 s after which buckets are cold.
REGISTER_AGAIN_S = (1, 2, 4, 8, 16, 32, 60, 60)
PAUSED_MS = 5_000  # half of the time after which the job of an end compares Redis with the store
GHOST_TRIES, GHOSTS_AGAIN_S = 5, 60  # beyond the 180 s after which buckets are cold
FEW = 8  # users of a bucket that cost less to read one by one than the whole bucket
FILL_S = 10  # one process at a time fills a bucket
NOT_CONNECTED = "this connection is unknown or has ended, connect again"


class Connections:
    def __init__(
        self,
        *,
        store: ConnectionStore,
        registry: Registry,
        restorer: Restorer,
        missed: MissedPushes,
        views: RoomViews,
        presence_jobs: PresenceJobs,
        outbound: Queue,
        closing: Closing,
        revocations: Revocations,
        claims: Claims,
        parallel: Parallel,
        clock: Clock,
        max_connections: int,
    ) -> None:
        self._store = store
        self._registry = registry
        self._restorer = restorer
        self._missed = missed
        self._views = views
        self._presence_jobs = presence_jobs
        self._outbound = outbound
        self._closing = closing
        self._revocations = revocations
        self._claims = claims
        self._parallel = parallel
        self._clock = clock
        self._max_connections = max_connections

    def open(self, identity: Identity, target: Target, device_info: Mapping[str, str]) -> None:
        """Store a connection that the gateway is about to open: 1 DynamoDB write, 1 Redis trip.

        A user's first connection changes their presence: 1 SQS send. A token that expires within
        two hours takes 1 SQS send, for the warning.

        Raises:
            RateLimited: The user has as many connections as allowed.
            PermissionDenied: The user's access was revoked after the check, which was a while ago.
        """
        connection = Connection(
            target=target,
            device_info=device_info,
            connected_at_ms=target.connected_at_ms,
            last_ping_ms=self._clock.now_ms(),
            expires_at_s=identity.expires_at_s,
            roles=identity.roles,
        )
        self._store.put(connection)
        if self._revocations.revoked_since(connection.user_id, identity.checked_ms):
            self.close(connection.connection_id)
            raise PermissionDenied(REVOKED)
        number = self.register(connection)
        if self._clock.now_ms() - connection.last_ping_ms > PAUSED_MS:
            self.put_back([connection])  # it may have ended before it was registered
        if number is None:
            # Redis may be back soon, and would show the user as offline until the next sweep.
            self._register_later(connection.connection_id, 0)
        elif number == 1:
            self._presence_jobs.settle([connection.user_id])
        elif number > self._max_connections and self._has_too_many(connection.user_id):
            self.close(connection.connection_id)
            raise RateLimited(f"a user can have at most {self._max_connections} connections")
        self.watch(connection)

    def _has_too_many(self, user_id: UserId) -> bool:
        """Whether a count above the limit is right: a cold bucket has connections that ended."""
        try:
            if not self._registry.online([user_id]).unknown:
                return True
        except CacheDown:
            telemetry.log("WARNING", "connections_not_counted")
        return self._store.devices(user_id).connected > self._max_connections

    def watch(self, connection: Connection) -> None:
        """Queue the warning before the token expires, if it does in the connection's life."""
        job = lifetime.watch_job(connection, self._clock.now_ms())
        if job is not None:
            self._outbound.send([job])

    def register(self, connection: Connection) -> int | None:
        """Put a connection into Redis.

        Returns:
            How many connections the user has now; None while Redis is away.
        """
        try:
            return self._registry.register(connection)
        except CacheDown:
            telemetry.log("WARNING", "register_failed")
            return None

    def put_back(self, connections: Sequence[Connection]) -> Sequence[Connection]:
        """Put connections that were read from the store into Redis; return those still open.

        While Redis is away, nothing is registered and all are returned.
        """
        try:
            return self._restorer.put_back(connections)
        except CacheDown:
            telemetry.log("WARNING", "register_failed")
            return connections

    def renewed(self, connection: Connection) -> None:
        """Put a connection's new expiry and roles into Redis. The store already has them."""
        try:
            self._registry.renew(connection)
        except CacheDown:
            telemetry.log("WARNING", "renew_failed")

    def register_again(self, job: RegisterConnection) -> None:
        """Register a connection that opened while Redis was away.

        If pushes may have passed it by meanwhile, close it: its client comes back and recovers.
        While Redis is still away, another job tries again. If the last one fails, the sweep
        registers the connection.
        """
        connection = self._store.get(job.connection_id)
        if connection is None:
            return
        try:
            still_open = bool(self._restorer.put_back([connection]))
        except CacheDown:
            telemetry.log("WARNING", "register_failed")
            self._register_later(job.connection_id, job.attempt + 1)
            if job.attempt == 0:  # friends do not wait for Redis
                self._presence_jobs.settle([connection.user_id])
            return
        if still_open:
            self._presence_jobs.settle([connection.user_id])
            if self._missed.since_opened(connection):
                telemetry.log("INFO", "registered_late", connection_id=job.connection_id)
                self.end(connection.target, Reason.BEHIND)

    def _register_later(self, connection_id: ConnectionId, attempt: int) -> None:
        if attempt < len(REGISTER_AGAIN_S):
            delay_s = REGISTER_AGAIN_S[attempt]
            job = RegisterConnection(connection_id=connection_id, attempt=attempt, delay_s=delay_s)
            self._outbound.send([job])

    def disconnect_user(self, job: DisconnectUser) -> None:
        """Close the connections that a user opened until `at_ms`, or all while they are revoked.

        A connection may have opened later, while the revocation was being written.
        """
        revoked = self._revocations.repeat(job.user_id)
        stored = self._store.of_user(job.user_id)
        opened = [(each.target, each.connected_at_ms) for each in stored]
        held = _others(self._held(job.user_id), [each.target for each in stored])
        for target, at_ms in [*opened, *((each, each.connected_at_ms) for each in held)]:
            if revoked or at_ms <= job.at_ms:
                self.end(target, Reason.DISCONNECTED)

    def move(self, connection_id: ConnectionId, target: Target) -> None:
        """Continue a connection under another id, without events. Idempotent; atomic in Redis."""
        began_ms = self._clock.now_ms()
        connection = self._store.get(connection_id)
        if connection is None:
            return
        moved = replace(connection, target=target, last_ping_ms=self._clock.now_ms())
        self._store.put(moved)
        if self._revocations.revoked_since(moved.user_id, began_ms):
            for each in (moved.target, connection.target):
                self.end(each, Reason.DISCONNECTED)
            return
        self.watch(moved)
        try:
            self._registry.move(connection.target, moved)
            if self._store.get(moved.connection_id) is None:  # the websocket has ended meanwhile
                self._registry.unregister(moved.target, self._clock.now_ms())
        except CacheDown:
            telemetry.log("WARNING", "move_without_cache")
        for room_id in connection.rooms:
            self._views.open(room_id, moved)
            self._views.close(room_id, connection.target)
        self._store.disconnect(connection_id, self._clock.now_ms())

    def known(self, connection_id: ConnectionId) -> Connection | None:
        """Return a connection from the store; None when it is unknown or has ended."""
        return self._store.get(connection_id)

    def heard(self, connection: Connection, noted_ms: int) -> None:
        """Note that a frame of this connection came, if nothing was noted for a minute.

        1 Redis trip, and every 15 minutes 1 DynamoDB write. A frame is served although this fails.
        Frames of Socket.IO are not noted: such a client shows by its pongs that it is there.

        Args:
            noted_ms: When a sign of life was last noted in Redis; 0 if that is unknown.
        """
        now_ms, stored_ms = self._clock.now_ms(), connection.last_ping_ms
        noted_lately = now_ms - max(noted_ms, stored_ms) < lifetime.NOTED_EVERY_MS
        if noted_lately or connection.target.has_heartbeat:
            return
        # The store comes first: if Redis took a sign of life for stored that is not, the next
        # ones might not be stored for longer than the sweep allows.
        stored = now_ms - stored_ms >= lifetime.STORED_EVERY_MS and self._stored(connection)
        try:
            if not self._registry.note(connection.target, now_ms, stored):
                known = replace(connection, last_ping_ms=now_ms) if stored else connection
                self._restorer.put_back([known])
        except CacheDown:
            if not stored and now_ms - stored_ms >= lifetime.UNNOTED_EVERY_MS:
                self._stored(connection)
        except Unavailable:
            telemetry.log("WARNING", "connection_not_put_back")

    def _stored(self, connection: Connection) -> bool:
        """Store a sign of life; False if that fails."""
        now_ms = self._clock.now_ms()
        due_ms = lifetime.due_ms(connection.expires_at_s, now_ms)
        try:
            self._store.touch(connection.connection_id, now_ms, due_ms)
        except Unavailable:
            telemetry.log("WARNING", "sign_of_life_not_stored")
            return False
        return True

    def touch(self, connection_ids: Sequence[ConnectionId]) -> None:
        """Note a sign of life of sockets with a heartbeat; most are not written to the store."""
        now_ms, cached = self._clock.now_ms(), True
        try:
            written = self._registry.beat(connection_ids, now_ms, lifetime.STORED_EVERY_MS)
        except CacheDown:
            telemetry.log("WARNING", "beat_failed")
            cached = False
            written = dict.fromkeys(connection_ids)
        for connection_id, expires_at_s in written.items():
            if expires_at_s is None:
                stored = self._store.get(connection_id)
                if stored is None:
                    continue
                expires_at_s = stored.expires_at_s
                if cached:
                    self.put_back([stored])
            due_ms = lifetime.due_ms(expires_at_s, now_ms)
            self._store.touch(connection_id, now_ms, due_ms)

    def end(self, target: Target, reason: Reason, endpoint: str | None = None) -> None:
        """Close a connection's socket, and then end the connection."""
        self._closing.close(target, reason, endpoint)
        self.close(target.connection_id)

    def close(self, connection_id: ConnectionId) -> Connection | None:
        """End a connection. Idempotent: a repeated event or a late 410 changes nothing.

        The jobs are sent before the write. If the process dies in between, the sweep finds the
        connection. If the write came first, the connection would stay visible to others. If the
        process is stopped in between for longer than the jobs wait, they are sent once more.

        Returns:
            The connection that ended; None when it had ended before.
        """
        connection = self._store.get(connection_id)
        if connection is None:
            return None
        jobs: list[OutboundJob] = [lifetime.check_presence(connection.user_id, lifetime.GRACE_MS)]
        if connection.rooms:
            jobs.append(LeaveRooms(target=connection.target, rooms=connection.rooms))
        queued_ms = self._clock.now_ms()
        self._outbound.send(jobs)
        now_ms = self._clock.now_ms()
        if self._store.disconnect(connection_id, now_ms) is None:
            return None
        if self._clock.now_ms() - queued_ms >= lifetime.GRACE_MS:
            self._outbound.send(jobs)  # the first ones may have run before the write
        try:
            self._registry.unregister(connection.target, now_ms)
        except CacheDown:
            telemetry.log("WARNING", "unregister_failed")
        return connection

    def gone(self, target: Target) -> bool:
        """Clean up a connection after a 410; False for a young one, where it means "not yet"."""
        if lifetime.young(target, self._clock.now_ms()):
            return False
        self.close(target.connection_id)
        try:
            # It may have ended before, so that only Redis still had it.
            if self._registry.unregister(target, self._clock.now_ms()):
                self._outbound.send([lifetime.check_presence(target.user_id, lifetime.GRACE_MS)])
        except CacheDown:
            telemetry.log("WARNING", "unregister_failed")
        return True

    def drop_ghosts(self, user_id: UserId, tries: int = 1) -> None:
        """Remove a user's ended connections from Redis.

        Redis still has a connection that ended while Redis was away, or whose clean-up failed.
        If Redis is still away, this is tried again. After an outage too long for these tries no
        bucket is warm, and filling them removes what has ended.
        """
        try:
            self._restorer.drop_ended(self._registry.online([user_id]).targets)
        except CacheDown:
            telemetry.log("WARNING", "ghosts_not_dropped")
            if tries < GHOST_TRIES:
                again = DropGhosts(user_id=user_id, tries=tries + 1, delay_s=GHOSTS_AGAIN_S)
                self._outbound.send([again])

    def drop_ghosts_again(self, job: DropGhosts) -> None:
        """Try again what failed while Redis was away."""
        self.drop_ghosts(job.user_id, job.tries)

    def devices(self, user_id: UserId) -> Devices:
        """Count a user's connections in the store: slower than Redis, for when Redis is away."""
        return self._store.devices(user_id)

    def of_users(self, users: Sequence[UserId], held: Sequence[Target] = ()) -> list[Target]:
        """Return the connections of these users from the store: slower than Redis.

        Buckets with many of these users are filled in Redis first, each by one process at a time.
        A bucket that was filled stays warm, so that an interrupted call is shorter when repeated.

        Args:
            held: Connections that Redis has of them. The store's index lags behind its writes, so
                it may lack some that were just opened.
        """
        by_bucket: dict[int, list[UserId]] = {}
        for user_id in users:
            by_bucket.setdefault(ids.user_bucket(user_id), []).append(user_id)
        crowded = [bucket for bucket, asked in by_bucket.items() if len(asked) > FEW]
        try:
            self._parallel.run([partial(self._fill, bucket) for bucket in crowded])
            online = self._registry.online(users) if crowded else Online((), users)
        except CacheDown:
            online = Online((), users)
        stored = self._parallel.run(
            [partial(self._store.of_user, user_id) for user_id in online.unknown]
        )
        found = [*online.targets, *(each.target for some in stored for each in some)]
        return [*found, *_others(held, found)]

    def all_of(self, user_id: UserId) -> list[Target]:
        """Return a user's connections from the store and from Redis: either may lack new ones."""
        return self.of_users([user_id], self._held(user_id))

    def _held(self, user_id: UserId) -> list[Target]:
        """The connections of a user that Redis has; none while it is away."""
        try:
            online = self._registry.online([user_id])
        except CacheDown:
            return []
        return [*online.targets, *online.held]

    def _fill(self, bucket: int) -> None:
        if self._claims.claim(f"fill:{bucket}", FILL_S):
            self._restorer.fill(bucket)


def _others(targets: Sequence[Target], known: Sequence[Target]) -> list[Target]:
    """Those of these connections that are not among the known ones, before or after a move."""
    names = {each.connection_id for each in known} | {each.origin for each in known}
    return [each for each in targets if not {each.connection_id, each.origin} & names]
