"""Connections: from the handshake to the last clean-up, and which rooms each has joined.

`$disconnect` is best effort on AWS, so three things end a connection here: the event, a 410
from @connections, and the sweep. Whoever marks it disconnected first does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice

from ..jobs.delivery import SettlePresence
from ..jobs.outbound import (
    CheckPresence,
    DisconnectUser,
    ExpireConnection,
    LeaveRooms,
    OutboundJob,
    RegisterConnection,
    ReviveHeartbeat,
)
from ..kernel import telemetry
from ..kernel.errors import CacheDown, NotConnected, PermissionDenied, RateLimited, Unauthorized
from ..model.access import Charge, Identity
from ..model.connections import Connection, Devices, Frame, Target
from ..model.delivery import Outcome, Post
from ..model.identifiers import ConnectionId, Region, RoomId, UserId
from ..ports.cache import Cache
from ..ports.connections import ConnectionStore
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.system import Clock, Ids

TOKEN_GRACE_S = 25
EXPIRING_S = 120  # two sweeps: so long before its end a token is told to expire
STALE_AFTER_MS = 240_000
YOUNG_MS = 5_000
GRACE_MS = 10_000  # who comes back within it was never away
FRESH_MS = 120_000  # two sweeps: a connection that young may have lost its presence job
REGISTER_AGAIN_S = 5
_SWEEP_BATCH = 500
_USERS_KNOWN = 10_000


class Connections:
    def __init__(
        self,
        store: ConnectionStore,
        cache: Cache,
        delivery: Queue,
        outbound: Queue,
        poster: Poster,
        clock: Clock,
        ids_: Ids,
        max_connections: int,
    ) -> None:
        self._store = store
        self._cache = cache
        self._delivery = delivery
        self._outbound = outbound
        self._poster = poster
        self._clock = clock
        self._ids = ids_
        self._max_connections = max_connections
        self._users: dict[ConnectionId, UserId] = {}  # never changes while a connection lives

    def open(self, identity: Identity, target: Target, device_info: Mapping[str, str]) -> None:
        """Record a connection the gateway is about to complete: 1 DynamoDB write, 1 Redis trip.

        The user's first one changes his presence: 1 SQS send. With a second his connections are
        counted: 1 more Redis trip.

        Raises:
            RateLimited: He has as many as one may have.
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
        first = self._register(connection)
        if first is None:
            # Redis may be back in a moment and hold this user for offline until the next sweep.
            job = RegisterConnection(
                connection_id=connection.connection_id, delay_s=REGISTER_AGAIN_S
            )
            self._outbound.send([job])
        elif first:
            self.look([connection.user_id])
        else:
            self._check_number(connection)
        if identity.expires_at_s * 1000 - self._clock.now_ms() <= EXPIRING_S * 1000:
            self._end_with_token(connection)

    def _check_number(self, connection: Connection) -> None:
        try:
            devices = self._cache.devices(connection.user_id)
        except CacheDown:
            return
        if devices is not None and devices.connected > self._max_connections:
            self.close(connection.connection_id)
            raise RateLimited(f"{self._max_connections} connections are the most a user can have")

    def renew(self, connection: Connection, identity: Identity) -> None:
        """Go on under a newer token of the same user.

        Raises:
            PermissionDenied: It is somebody else's.
            Unauthorized: The connection has ended meanwhile.
        """
        if identity.user_id != connection.user_id:
            raise PermissionDenied("the token is another user's")
        end, roles = identity.expires_at_s, identity.roles
        if not self._store.renew(connection.connection_id, end, roles):
            raise Unauthorized("this connection is not known (any more)")
        self._register(replace(connection, expires_at_s=end, roles=roles))

    def expire(self, job: ExpireConnection) -> None:
        """Close a connection whose token ended 25 s ago; one that was renewed stays."""
        connection = self._store.get(job.connection_id)
        if connection is None or not self._expired(connection):
            return
        self._poster.close(connection.target)
        self.close(connection.connection_id)

    def disconnect_user(self, job: DisconnectUser) -> None:
        """Close all of a user's connections opened by then; later ones stay."""
        for connection in self._store.of_user(job.user_id):
            if connection.connected_at_ms <= job.at_ms:
                self._poster.close(connection.target)
                self.close(connection.connection_id)

    def register_again(self, job: RegisterConnection) -> None:
        """Put a connection into the cache that was away when it opened; the sweep is next."""
        connection = self._store.get(job.connection_id)
        if connection is not None:
            self._register(connection)
            self.look([connection.user_id])

    def move(self, connection_id: ConnectionId, target: Target) -> None:
        """A connection goes on elsewhere under another id: nobody sees it leave or come.

        Idempotent. In the cache the change is atomic; the store has both for a moment.
        """
        connection = self._store.get(connection_id)
        if connection is None:
            return
        moved = replace(connection, target=target, last_ping_ms=self._clock.now_ms())
        self._store.put(moved)
        try:
            self._cache.move(connection.target, moved)
        except CacheDown:
            telemetry.log("WARNING", "move_without_cache")
        for room_id in connection.rooms:
            self.joined_room(room_id, moved)
            self.left_room(room_id, connection.target)
        self._store.disconnect(connection_id, self._clock.now_ms())

    def known(self, connection_id: ConnectionId) -> Connection | None:
        """By the store; None when it is unknown or has ended."""
        return self._store.get(connection_id)

    def touch(self, connection_ids: Iterable[ConnectionId]) -> None:
        """They were heard of."""
        for connection_id in connection_ids:
            self._store.touch(connection_id, self._clock.now_ms())

    def close(self, connection_id: ConnectionId) -> Connection | None:
        """End a connection; idempotent, so a repeated event or a late 410 changes nothing.

        Answers what ended, None when nothing did.

        The jobs go first: whoever dies after them leaves a connection for the sweep, whoever
        died before them without a trace would leave a ghost.
        """
        connection = self._store.get(connection_id)
        if connection is None:
            return None
        jobs: list[OutboundJob] = [presence_due(connection.user_id, GRACE_MS)]
        if connection.rooms:
            jobs.append(LeaveRooms(target=connection.target, rooms=connection.rooms))
        self._outbound.send(jobs)
        now_ms = self._clock.now_ms()
        if self._store.disconnect(connection_id, now_ms) is None:
            return None
        try:
            self._cache.unregister(connection.target, now_ms)
        except CacheDown:
            telemetry.log("WARNING", "unregister_failed")
        return connection

    def look(self, user_ids: Iterable[UserId], due: bool = False) -> None:
        """Queue, in each user's order group, a comparison of what is shown with what is so."""
        jobs = [
            SettlePresence(user_id=user_id, due=due, token=self._ids.token())
            for user_id in user_ids
        ]
        self._delivery.send(jobs)

    def drop_ghosts(self, user_id: UserId) -> None:
        """Take out of the cache what ended while it was away, or whose clean-up died halfway."""
        try:
            held = self._cache.online([user_id]) or {}
            for target in held.get(user_id, []):
                if self._store.get(target.connection_id) is None:
                    self._cache.unregister(target, self._clock.now_ms())
        except CacheDown:
            telemetry.log("WARNING", "ghosts_not_dropped")

    def devices(self, user_id: UserId) -> Devices:
        """A user's connections by the store: late, for when the cache cannot say."""
        return self._store.devices(user_id)

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        ticket_region: Region | None,
        charge: Charge,
    ) -> Frame:
        """Who sent this frame, and whether he can pay: in one round trip to the cache.

        Else from the store, unpaid.

        Raises:
            NotConnected: The connection is unknown.
            Unauthorized: Its token ended over 25 s ago.
        """
        paid = replace(charge, payer=self._users.get(connection_id))
        try:
            frame = self._cache.frame(connection_id, room_id, ticket_region, paid)
        except CacheDown:
            telemetry.measure("limits_open", charge.now_ms, limits_open=1)
            frame = Frame(None)
        # One that the cache takes for expired may have been renewed while the cache was away.
        if frame.connection is None or self._expired(frame.connection):
            connection = self._store.get(connection_id)
            if connection is None and frame.connection is None:
                raise NotConnected("this connection is not known (any more)")
            if connection is None or self._expired(connection):
                raise Unauthorized("the token has expired")
            self._register(connection)
            frame = replace(frame, connection=connection)
        assert frame.connection is not None
        if len(self._users) >= _USERS_KNOWN:
            self._users.clear()
        self._users[connection_id] = frame.connection.user_id
        return frame

    def return_ticket(self, room_id: RoomId, region: Region, ticket: int) -> None:
        """A frame drew it and was refused: nobody shall wait for it."""
        try:
            self._cache.return_ticket(room_id, region, ticket)
        except CacheDown:
            telemetry.log("WARNING", "ticket_not_returned", room_id=room_id)

    def heartbeat(self, connection: Connection) -> None:
        """A ping: the connection lives, for the store and for the cache."""
        self._store.touch(connection.connection_id, self._clock.now_ms())
        try:
            if self._cache.refresh([connection.target]):
                self._cache.register(connection)
        except CacheDown:
            telemetry.log("WARNING", "refresh_failed")

    def gone(self, target: Target) -> bool:
        """Judge a 410: clean up an old connection; False for a young one ("not yet").

        The socket exists only after `$connect` returned, so a 410 in its first 5 s says nothing.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
        """
        if self._clock.now_ms() - target.connected_at_ms < YOUNG_MS:
            return False
        self.close(target.connection_id)
        try:
            # When it had ended before, and only the cache still held it.
            if self._cache.unregister(target, self._clock.now_ms()):
                self._outbound.send([presence_due(target.user_id, GRACE_MS)])
        except CacheDown:
            telemetry.log("WARNING", "unregister_failed")
        return True

    def joined_room(self, room_id: RoomId, connection: Connection) -> bool:
        """Send ephemeral events of the room here. True for the user's first device in it."""
        self._store.join(room_id, connection.target)
        try:
            return self._cache.join(room_id, connection.target)
        except CacheDown:
            return True

    def left_room(self, room_id: RoomId, target: Target) -> bool:
        """True when it was the user's last device in the room."""
        self._store.leave(room_id, target)
        try:
            return self._cache.leave(room_id, target)
        except CacheDown:
            return all(other.user_id != target.user_id for other in self._store.joined(room_id))

    def audience(self, room_id: RoomId) -> list[Target]:
        """Connections that joined the room."""
        try:
            targets = self._cache.joined(room_id)
            if targets is not None:
                return targets
        except CacheDown:
            return self._store.joined(room_id)
        targets = self._store.joined(room_id)
        try:
            self._cache.fill_joined(room_id, targets)
        except CacheDown:
            telemetry.log("WARNING", "cache_fill_failed", room_id=room_id)
        return targets

    def of_users(self, users: Iterable[str]) -> list[Target]:
        """Connections of these users read from the store: slow, for when the cache is away."""
        found = [c.target for user in users for c in self._store.of_user(user)]  # type: ignore[arg-type]
        return found

    def sweep(
        self, ping: Callable[[Target], bytes | None], expiring: Callable[[Connection], bytes]
    ) -> dict[str, int]:
        """Ping the stale, clean up the dead, put back what Redis lost. Counts by outcome.

        Those for which `ping` has nothing have a heartbeat of their own, which is looked after.
        Connections whose token ends within two minutes are told so (once or twice) with what
        `expiring` makes for them, and closed 25 s after its end.
        """
        counts = {"seen": 0, "pinged": 0, "gone": 0, "restored": 0, "expiring": 0}
        everyone = self._store.scan()
        while batch := list(islice(everyone, _SWEEP_BATCH)):
            counts["seen"] += len(batch)
            self._restore(batch, counts)
            self._ping_stale(batch, ping, counts)
            self._tell_expiring(batch, expiring, counts)
            self._look_again(batch)
        try:
            self._cache.set_warm(True)
            self._cache.note_connections(counts["seen"] - counts["gone"])
        except CacheDown:
            telemetry.log("WARNING", "sweep_without_cache")
        return counts

    def _restore(self, batch: list[Connection], counts: dict[str, int]) -> None:
        try:
            missing = set(self._cache.refresh([c.target for c in batch]))
            for connection in batch:
                if connection.target in missing:
                    self._cache.register(connection)
                    counts["restored"] += 1
            self.look({target.user_id: None for target in missing})
        except CacheDown:
            return

    def _look_again(self, batch: list[Connection]) -> None:
        """A handshake that died after it registered has left no presence job behind."""
        fresh_ms = self._clock.now_ms() - FRESH_MS
        self.look({c.user_id: None for c in batch if c.connected_at_ms > fresh_ms})

    def _ping_stale(
        self,
        batch: list[Connection],
        ping: Callable[[Target], bytes | None],
        counts: dict[str, int],
    ) -> None:
        now_ms = self._clock.now_ms()
        stale = [c.target for c in batch if now_ms - c.last_ping_ms > STALE_AFTER_MS]
        frames = {target: ping(target) for target in stale}
        posts = [Post(target, frame) for target, frame in frames.items() if frame is not None]
        beating = [target for target, frame in frames.items() if frame is None]
        self._outbound.send([ReviveHeartbeat(target=target) for target in beating])
        for post, outcome in zip(posts, self._poster.post(posts), strict=True):
            target = post.target
            if outcome is Outcome.DELIVERED:
                self._store.touch(target.connection_id, now_ms)
                counts["pinged"] += 1
            elif outcome is Outcome.GONE and self.gone(target):
                counts["gone"] += 1

    def _tell_expiring(
        self,
        batch: list[Connection],
        expiring: Callable[[Connection], bytes],
        counts: dict[str, int],
    ) -> None:
        soon_s = self._clock.now_ms() // 1000 + EXPIRING_S
        ending = [connection for connection in batch if connection.expires_at_s <= soon_s]
        for connection in ending:
            self._end_with_token(connection)
        told = [each for each in ending if not self._expired(each)]
        # One that cannot be told is closed all the same, and comes back with a new token.
        self._poster.post([Post(each.target, expiring(each)) for each in told])
        counts["expiring"] += len(told)

    def _end_with_token(self, connection: Connection) -> None:
        """Queue the end; twice does no harm."""
        left_ms = (connection.expires_at_s + TOKEN_GRACE_S) * 1000 - self._clock.now_ms()
        job = ExpireConnection(
            connection_id=connection.connection_id, delay_s=max(0, -(-left_ms // 1000))
        )
        self._outbound.send([job])

    def _expired(self, connection: Connection) -> bool:
        return self._clock.now_ms() >= (connection.expires_at_s + TOKEN_GRACE_S) * 1000

    def _register(self, connection: Connection) -> bool | None:
        """Whether it is the user's first; None when the cache is away."""
        try:
            return self._cache.register(connection)
        except CacheDown:
            telemetry.log("WARNING", "register_failed")
            return None


def presence_due(user_id: UserId, wait_ms: int) -> CheckPresence:
    """Compare a user's presence in so long; changes that waited are then told."""
    return CheckPresence(user_id=user_id, delay_s=max(0, -(-wait_ms // 1000)))
