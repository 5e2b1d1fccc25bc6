"""Connections from the handshake to the clean-up, in the store and in Redis.

`$disconnect` is best effort on AWS, so three things end a connection here: the event, a 410
from @connections, and the sweep. Whoever marks it disconnected first does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..jobs.outbound import DisconnectUser, LeaveRooms, OutboundJob, RegisterConnection
from ..kernel import telemetry
from ..kernel.errors import CacheDown, RateLimited
from ..model.access import Identity
from ..model.connections import Connection, Devices, Target
from ..model.identifiers import ConnectionId, UserId
from ..ports.connections import ConnectionStore, Registry
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.system import Clock
from . import lifetime
from .presence_jobs import PresenceJobs
from .views import RoomViews

REGISTER_AGAIN_S = 5


class Connections:
    def __init__(
        self,
        *,
        store: ConnectionStore,
        registry: Registry,
        views: RoomViews,
        presence_jobs: PresenceJobs,
        outbound: Queue,
        poster: Poster,
        clock: Clock,
        max_connections: int,
    ) -> None:
        self._store = store
        self._registry = registry
        self._views = views
        self._presence_jobs = presence_jobs
        self._outbound = outbound
        self._poster = poster
        self._clock = clock
        self._max_connections = max_connections

    def open(self, identity: Identity, target: Target, device_info: Mapping[str, str]) -> None:
        """Record a connection the gateway is about to complete: 1 DynamoDB write, 1 Redis trip.

        A user's first connection changes their presence: 1 SQS send. With a second one their
        connections are counted: 1 more Redis trip.

        Raises:
            RateLimited: The user has as many connections as one may have.
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
        first = self.register(connection)
        if first is None:
            # Redis may be back in a moment, and take this user for offline until the next sweep.
            job = RegisterConnection(
                connection_id=connection.connection_id, delay_s=REGISTER_AGAIN_S
            )
            self._outbound.send([job])
        elif first:
            self._presence_jobs.settle([connection.user_id])
        else:
            self._check_number(connection)
        now_ms = self._clock.now_ms()
        if lifetime.expires_soon(identity.expires_at_s, now_ms):
            self._outbound.send([lifetime.expiry_job(connection, now_ms)])

    def register(self, connection: Connection) -> bool | None:
        """Make it known in Redis: whether it is the user's first; None while Redis is away."""
        try:
            return self._registry.register(connection)
        except CacheDown:
            telemetry.log("WARNING", "register_failed")
            return None

    def register_again(self, job: RegisterConnection) -> None:
        """Register a connection that opened while Redis was away; the sweep is next to do so."""
        connection = self._store.get(job.connection_id)
        if connection is not None:
            self.register(connection)
            self._presence_jobs.settle([connection.user_id])

    def disconnect_user(self, job: DisconnectUser) -> None:
        """Close all of a user's connections opened by then; later ones stay."""
        for connection in self._store.of_user(job.user_id):
            if connection.connected_at_ms <= job.at_ms:
                self._poster.close(connection.target)
                self.close(connection.connection_id)

    def move(self, connection_id: ConnectionId, target: Target) -> None:
        """Continue a connection under another id, without anybody seeing it leave or come.

        Idempotent. In Redis the change is atomic; the store has both for a moment.
        """
        connection = self._store.get(connection_id)
        if connection is None:
            return
        moved = replace(connection, target=target, last_ping_ms=self._clock.now_ms())
        self._store.put(moved)
        try:
            self._registry.move(connection.target, moved)
        except CacheDown:
            telemetry.log("WARNING", "move_without_cache")
        for room_id in connection.rooms:
            self._views.open(room_id, moved)
            self._views.close(room_id, connection.target)
        self._store.disconnect(connection_id, self._clock.now_ms())

    def known(self, connection_id: ConnectionId) -> Connection | None:
        """By the store; None when it is unknown or has ended."""
        return self._store.get(connection_id)

    def touch(self, connection_ids: Iterable[ConnectionId]) -> None:
        """Note that they showed a sign of life."""
        for connection_id in connection_ids:
            self._store.touch(connection_id, self._clock.now_ms())

    def heartbeat(self, connection: Connection) -> None:
        """A ping: the connection lives, for the store and for Redis."""
        self._store.touch(connection.connection_id, self._clock.now_ms())
        try:
            if self._registry.refresh([connection.target]):
                self._registry.register(connection)
        except CacheDown:
            telemetry.log("WARNING", "refresh_failed")

    def close(self, connection_id: ConnectionId) -> Connection | None:
        """End a connection; idempotent, so a repeated event or a late 410 changes nothing.

        Returns what ended, None when nothing did. The jobs are sent first: a process that dies
        after that leaves a connection for the sweep; one that died after the write would leave a
        ghost.
        """
        connection = self._store.get(connection_id)
        if connection is None:
            return None
        jobs: list[OutboundJob] = [lifetime.check_presence(connection.user_id, lifetime.GRACE_MS)]
        if connection.rooms:
            jobs.append(LeaveRooms(target=connection.target, rooms=connection.rooms))
        self._outbound.send(jobs)
        now_ms = self._clock.now_ms()
        if self._store.disconnect(connection_id, now_ms) is None:
            return None
        try:
            self._registry.unregister(connection.target, now_ms)
        except CacheDown:
            telemetry.log("WARNING", "unregister_failed")
        return connection

    def gone(self, target: Target) -> bool:
        """Judge a 410: clean up an old connection; False for a young one ("not yet")."""
        if lifetime.young(target, self._clock.now_ms()):
            return False
        self.close(target.connection_id)
        try:
            # It may have ended before, and only Redis still held it.
            if self._registry.unregister(target, self._clock.now_ms()):
                self._outbound.send([lifetime.check_presence(target.user_id, lifetime.GRACE_MS)])
        except CacheDown:
            telemetry.log("WARNING", "unregister_failed")
        return True

    def drop_ghosts(self, user_id: UserId) -> None:
        """Remove from Redis what ended while it was away, or whose clean-up died halfway."""
        try:
            held = self._registry.online([user_id]) or {}
            for target in held.get(user_id, []):
                if self._store.get(target.connection_id) is None:
                    self._registry.unregister(target, self._clock.now_ms())
        except CacheDown:
            telemetry.log("WARNING", "ghosts_not_dropped")

    def devices(self, user_id: UserId) -> Devices:
        """A user's connections by the store; slower than Redis, for when it cannot say."""
        return self._store.devices(user_id)

    def of_users(self, users: Iterable[UserId]) -> list[Target]:
        """Connections of these users, read from the store one user after the other."""
        return [c.target for user in users for c in self._store.of_user(user)]

    def _check_number(self, connection: Connection) -> None:
        try:
            devices = self._registry.devices(connection.user_id)
        except CacheDown:
            return
        if devices is not None and devices.connected > self._max_connections:
            self.close(connection.connection_id)
            raise RateLimited(f"a user can have at most {self._max_connections} connections")
