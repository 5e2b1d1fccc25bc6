"""The twin of connections: see `ports.ConnectionStore`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...kernel.ids import user_bucket
from ...model.connections import Connection, Devices, Target
from ...model.identifiers import ConnectionId, RoomId, UserId


class MemoryConnectionStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: dict[ConnectionId, Connection] = {}
        self._joined: dict[RoomId, dict[ConnectionId, Target]] = {}
        self._due_ms: dict[ConnectionId, int] = {}
        self._left_ms: dict[UserId, int] = {}

    def put(self, connection: Connection) -> None:
        with self._lock:
            self._connections[connection.connection_id] = connection
            self._due_ms[connection.connection_id] = 0

    def get(self, connection_id: ConnectionId) -> Connection | None:
        with self._lock:
            return self._connections.get(connection_id)

    def live(self, connection_ids: Sequence[ConnectionId]) -> dict[ConnectionId, Connection]:
        with self._lock:
            known = self._connections
            return {each: known[each] for each in connection_ids if each in known}

    def disconnect(self, connection_id: ConnectionId, now_ms: int) -> Connection | None:
        with self._lock:
            connection = self._connections.pop(connection_id, None)
            if connection is not None:
                self._left_ms[connection.user_id] = now_ms
            return connection

    def renew(
        self, connection_id: ConnectionId, expires_at_s: int, roles: Sequence[str], due_ms: int
    ) -> bool:
        with self._lock:
            connection = self._connections.get(connection_id)
            if connection is None:
                return False
            self._connections[connection_id] = replace(
                connection, expires_at_s=expires_at_s, roles=tuple(roles)
            )
            self._due_ms[connection_id] = due_ms
            return True

    def look_later(self, connection_id: ConnectionId, due_ms: int) -> None:
        with self._lock:
            self._due_ms[connection_id] = due_ms

    def touch(self, connection_id: ConnectionId, now_ms: int, due_ms: int) -> None:
        with self._lock:
            if connection_id in self._connections:
                connection = self._connections[connection_id]
                self._connections[connection_id] = replace(connection, last_ping_ms=now_ms)
                self._due_ms[connection_id] = due_ms

    def of_user(self, user_id: UserId) -> list[Connection]:
        with self._lock:
            owned = [c for c in self._connections.values() if c.user_id == user_id]
            return sorted(owned, key=lambda c: c.connection_id)

    def devices(self, user_id: UserId) -> Devices:
        with self._lock:
            connected = sum(c.user_id == user_id for c in self._connections.values())
            return Devices(connected, self._left_ms.get(user_id))

    def index_all(self, now_ms: int) -> None:
        pass

    def in_bucket(self, bucket: int) -> Iterator[Connection]:
        with self._lock:
            found = [c for c in self._connections.values() if user_bucket(c.user_id) == bucket]
        return iter(found)

    def due(self, buckets: Sequence[int], now_ms: int) -> Iterator[Connection]:
        for bucket in buckets:
            for each in self.in_bucket(bucket):
                if self._due_ms[each.connection_id] <= now_ms:
                    yield each

    def join(self, room_id: RoomId, target: Target) -> bool:
        with self._lock:
            connection = self._connections.get(target.connection_id)
            if connection is None:
                return False
            joined = self._joined.setdefault(room_id, {})
            joins = target.connection_id not in joined
            joined[target.connection_id] = target
            rooms = tuple(sorted({*connection.rooms, room_id}))
            self._connections[target.connection_id] = replace(connection, rooms=rooms)
            return joins

    def leave(self, room_id: RoomId, target: Target) -> bool:
        with self._lock:
            was_joined = self._joined.get(room_id, {}).pop(target.connection_id, None) is not None
            connection = self._connections.get(target.connection_id)
            if connection is not None:
                was_joined = was_joined or room_id in connection.rooms
                rooms = tuple(room for room in connection.rooms if room != room_id)
                self._connections[target.connection_id] = replace(connection, rooms=rooms)
            return was_joined

    def joined(self, room_id: RoomId) -> list[Target]:
        with self._lock:
            targets = self._joined.get(room_id, {}).values()
            return sorted(targets, key=lambda t: (t.user_id, t.connection_id))
