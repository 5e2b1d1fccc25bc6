"""The in-memory twins of a region, with what a simulation needs: lagging indexes, an old Redis."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.adapters.memory import MemoryConnectionStore, MemoryRoomStore
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.memory.items import REGION
from chalicelib.adapters.memory.rooms import RoomTables
from chalicelib.adapters.memory.sessions import MemorySessions
from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.kernel.ids import user_bucket
from chalicelib.model.connections import Connection, Target
from chalicelib.model.identifiers import ConnectionId, Region, RoomId, UserId
from chalicelib.model.rooms import Member, Room
from chalicelib.ports.system import Clock
from workbench.twins import RingingSessions

from .scheduler import Result, Scheduler

Later = Callable[[Callable[[], None]], None]
_SHARED = ("_lock", "_clock", "_ids", "_scheduler", "_bells")


@dataclass(frozen=True, slots=True)
class Overlooked:
    """A connection that the index did not have yet when it was asked for those of its user.

    Attributes:
        task: Who asked.
    """

    at_us: int
    task: str
    connection_id: ConnectionId


class LaggingConnections(MemoryConnectionStore):
    """Its indexes, by user and by bucket, follow a write a little later, as DynamoDB's do.

    Attributes:
        overlooked: In the order of time.
    """

    def __init__(self, later: Later, scheduler: Scheduler) -> None:
        super().__init__()
        self._later = later
        self._scheduler = scheduler
        self.overlooked: list[Overlooked] = []
        self._index: dict[ConnectionId, Connection] = {}

    def put(self, connection: Connection) -> None:
        super().put(connection)
        self._follow(connection.connection_id)

    def disconnect(self, connection_id: ConnectionId, now_ms: int) -> Connection | None:
        ended = super().disconnect(connection_id, now_ms)
        self._follow(connection_id)
        return ended

    def renew(
        self, connection_id: ConnectionId, expires_at_s: int, roles: Sequence[str], due_ms: int
    ) -> bool:
        renewed = super().renew(connection_id, expires_at_s, roles, due_ms)
        self._follow(connection_id)
        return renewed

    def touch(self, connection_id: ConnectionId, now_ms: int, due_ms: int) -> None:
        super().touch(connection_id, now_ms, due_ms)
        self._follow(connection_id)

    def join(self, room_id: RoomId, target: Target) -> bool:
        changed = super().join(room_id, target)
        self._follow(target.connection_id)
        return changed

    def leave(self, room_id: RoomId, target: Target) -> bool:
        changed = super().leave(room_id, target)
        self._follow(target.connection_id)
        return changed

    def of_user(self, user_id: UserId) -> list[Connection]:
        owned = [each for each in self._index.values() if each.user_id == user_id]
        task = self._scheduler.current()
        for each in super().of_user(user_id):
            if task is not None and each.connection_id not in self._index:
                overlooked = Overlooked(self._scheduler.now_us, task.name, each.connection_id)
                self.overlooked.append(overlooked)
        return sorted(owned, key=lambda each: each.connection_id)

    def in_bucket(self, bucket: int) -> Iterator[Connection]:
        return iter([c for c in self._index.values() if user_bucket(c.user_id) == bucket])

    def _follow(self, connection_id: ConnectionId) -> None:
        def follow() -> None:
            held = self.get(connection_id)
            if held is None:
                self._index.pop(connection_id, None)
            else:
                self._index[connection_id] = held

        self._later(follow)


class LaggingRooms(MemoryRoomStore):
    """Its index of a user's rooms follows a write a little later."""

    def __init__(
        self,
        later: Later,
        regions: Sequence[Region] = (REGION,),
        tables: RoomTables | None = None,
    ) -> None:
        super().__init__(regions, tables)
        self._later = later
        self._index: set[tuple[UserId, RoomId]] = set()

    def create(self, room: Room, members: Sequence[Member]) -> bool:
        created = super().create(room, members)
        for member in members:
            self.follow(member.room_id, member.user_id)
        return created

    def add_member(self, member: Member) -> bool:
        added = super().add_member(member)
        self.follow(member.room_id, member.user_id)
        return added

    def remove_member(self, room_id: RoomId, user_id: UserId) -> bool:
        removed = super().remove_member(room_id, user_id)
        self.follow(room_id, user_id)
        return removed

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        return sorted(room for user, room in self._index if user == user_id)

    def follow(self, room_id: RoomId, user_id: UserId) -> None:
        """Let the index follow a membership that was written or replicated."""

        def follow() -> None:
            known = self.member(room_id, user_id) is not None
            (self._index.add if known else self._index.discard)((user_id, room_id))

        self._later(follow)


class WakingSessions(RingingSessions):
    """The bell in virtual time."""

    def __init__(self, clock: Clock, scheduler: Scheduler) -> None:
        super().__init__(clock)
        self._scheduler = scheduler
        self._bells: dict[ConnectionId, Result[bool]] = {}

    def flush(self) -> None:
        super().flush()
        for sid in list(self._bells):
            self._ring(sid)

    def wait(self, sid: ConnectionId, seconds: float) -> None:
        bell = self._bells.setdefault(sid, Result())
        self._scheduler.wait(bell, int(seconds * 1e6))
        if self._bells.get(sid) is bell:
            del self._bells[sid]

    def _ring(self, sid: ConnectionId) -> None:
        self._bells.setdefault(sid, Result()).give(True)


class RedisState:
    """All twins of one Redis: it can be emptied, on one shard too, or come back older."""

    def __init__(self, cache: MemoryCache, sessions: MemorySessions, trails: MemoryTrails) -> None:
        self._cache = cache
        self._sessions = sessions
        self._trails = trails

    def empty(self) -> None:
        for twin in (self._cache, self._sessions, self._trails):
            twin.flush()

    def save(self) -> Callable[[], None]:
        """Copy the present state; the returned function promotes that replica."""
        cache = self._cache.replica()
        self._trails.lag()
        sessions = copy.deepcopy(
            {name: held for name, held in vars(self._sessions).items() if name not in _SHARED}
        )

        def fail_over() -> None:
            self._cache.fail_over(cache)
            vars(self._sessions).update(sessions)
            self._trails.fail_over()

        return fail_over

    def empty_shard(self, shard: int, shards: int) -> None:
        """Drop the keys of one shard of the cluster."""
        self._cache.flush(lambda key: _shard(key, shards) == shard)


def _shard(key: str, shards: int) -> int:
    """The shard of a key: keys about one user, bucket, connection or room are on the same one."""
    parts = key.split(":")
    tagged = parts[0] in ("room", "connection", "conversation", "typing", "limits", "members")
    is_bucket = parts[0] == "online"
    tag = parts[1] if (tagged or is_bucket) and len(parts) > 1 else parts[-1]
    return zlib.crc32(tag.encode()) % shards
