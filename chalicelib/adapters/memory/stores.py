"""In-memory twins of the stores and queues: the same promises, held by one lock."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ...kernel.errors import NotFound
from ...model.connections import Connection, Devices, Target
from ...model.delivery import Cursor
from ...model.identifiers import ConnectionId, MessageId, Region, RoomId, Stream, UserId
from ...model.jobs import QueuedJob
from ...model.log import CommitResult, Committed, Duplicate, Entry, EntryKind, Head, Taken
from ...model.presence import Presence, Status
from ...model.receipts import Marker
from ...model.rooms import Member, Room
from ...model.sessions import Checkpoint

DEDUPE_MS = 24 * 3_600_000


class MemoryMessageLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[Stream, dict[MessageId, Entry]] = {}
        self._heads: dict[Stream, Head] = {}
        self._dedupes: dict[tuple[RoomId, str], tuple[int, Duplicate]] = {}

    def commit(self, entry: Entry, previous: Head, dedupe: str | None, now_ms: int) -> CommitResult:
        if entry.seq != previous.seq + 1:
            raise ValueError("an entry follows its stream's head")
        stream = (entry.room_id, entry.region)
        with self._lock:
            if dedupe is not None:
                known = self._find(entry.room_id, dedupe, now_ms)
                if known is not None:
                    return known
            head = self._heads.get(stream, Head(0, MessageId("")))
            if head.seq != previous.seq or (head.last_id or "") >= entry.message_id:
                return Taken(head)
            if entry.message_id in self._entries.get(stream, {}):  # restored ahead of the head
                return Taken(head)
            if entry.kind is EntryKind.DELETION:
                self._delete(entry)
            self._entries.setdefault(stream, {})[entry.message_id] = entry
            self._heads[stream] = Head(entry.seq, entry.message_id)
            if dedupe is not None:
                first = Duplicate(entry.message_id, entry.region, entry.seq, entry.timestamp_ms)
                self._dedupes[(entry.room_id, dedupe)] = (now_ms + DEDUPE_MS, first)
        return Committed()

    def find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        with self._lock:
            return self._find(room_id, dedupe, now_ms)

    def restore(self, entry: Entry) -> None:
        with self._lock:
            entries = self._entries.setdefault((entry.room_id, entry.region), {})
            entries.setdefault(entry.message_id, entry)

    def heads(self, streams: Sequence[Stream]) -> dict[Stream, Head]:
        with self._lock:
            return {stream: self._heads.get(stream, Head(0, MessageId(""))) for stream in streams}

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None:
        with self._lock:
            return self._entries.get((room_id, region), {}).get(message_id)

    def after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        return [e for e in self._sorted(room_id, region) if e.message_id > message_id][:limit]

    def before(
        self, room_id: RoomId, region: Region, message_id: MessageId | None, limit: int
    ) -> list[Entry]:
        entries = reversed(self._sorted(room_id, region))
        return [e for e in entries if message_id is None or e.message_id < message_id][:limit]

    def _find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        expires_ms, first = self._dedupes.get((room_id, dedupe), (0, None))
        return first if now_ms < expires_ms else None

    def _delete(self, entry: Entry) -> None:
        entries = self._entries.get((entry.room_id, Region(entry.content["region"])), {})
        if entry.target_id not in entries:
            raise NotFound("no such message")
        target = entries[entry.target_id]
        entries[entry.target_id] = replace(target, deleted=True, content=None)

    def _sorted(self, room_id: RoomId, region: Region) -> list[Entry]:
        with self._lock:
            entries = self._entries.get((room_id, region), {})
            return [entries[key] for key in sorted(entries)]


class MemoryCursors:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursors: dict[Stream, Cursor] = {}

    def get(self, room_id: RoomId, region: Region) -> Cursor:
        with self._lock:
            return self._cursors.get((room_id, region), Cursor())

    def advance(self, entry: Entry, split_at_ms: int) -> None:
        stream = entry.room_id, entry.region
        with self._lock:
            held = self._cursors.get(stream, Cursor())
            if entry.seq > held.seq:
                self._cursors[stream] = Cursor(
                    entry.seq, entry.message_id, split_at_ms, held.behind
                )

    def fall_behind(
        self, room_id: RoomId, region: Region, behind: Mapping[ConnectionId, int]
    ) -> None:
        with self._lock:
            held = self._cursors.get((room_id, region), Cursor())
            self._cursors[room_id, region] = replace(held, behind={**held.behind, **behind})

    def catch_up(self, room_id: RoomId, region: Region, origin: ConnectionId, seq: int) -> None:
        with self._lock:
            held = self._cursors.get((room_id, region), Cursor())
            if held.behind.get(origin) == seq:
                left = {each: of for each, of in held.behind.items() if each != origin}
                self._cursors[room_id, region] = replace(held, behind=left)


class MemoryRoomStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rooms: dict[RoomId, Room] = {}
        self._members: dict[RoomId, dict[UserId, Member]] = {}

    def create(self, room: Room, members: Sequence[Member]) -> bool:
        with self._lock:
            if room.room_id in self._rooms:
                return False
            self._rooms[room.room_id] = room
            for member in members:
                self._members.setdefault(room.room_id, {})[member.user_id] = member
            return True

    def get(self, room_id: RoomId) -> Room | None:
        with self._lock:
            return self._rooms.get(room_id)

    def get_many(self, room_ids: Sequence[RoomId]) -> list[Room]:
        with self._lock:
            return [self._rooms[room_id] for room_id in room_ids if room_id in self._rooms]

    def member(self, room_id: RoomId, user_id: UserId) -> Member | None:
        with self._lock:
            return self._members.get(room_id, {}).get(user_id)

    def members(self, room_id: RoomId) -> list[Member]:
        with self._lock:
            members = self._members.get(room_id, {})
            return [members[user_id] for user_id in sorted(members)]

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        with self._lock:
            return sorted(room for room, members in self._members.items() if user_id in members)

    def add_member(self, member: Member) -> bool:
        with self._lock:
            members = self._members.setdefault(member.room_id, {})
            if member.user_id in members:
                return False
            members[member.user_id] = member
            return True

    def remove_member(self, room_id: RoomId, user_id: UserId) -> bool:
        with self._lock:
            return self._members.get(room_id, {}).pop(user_id, None) is not None


class MemoryFriendStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: dict[tuple[UserId, UserId], int] = {}

    def put(self, user_id: UserId, friend_id: UserId, since_ms: int) -> None:
        with self._lock:
            self._since[(user_id, friend_id)] = since_ms

    def remove(self, user_id: UserId, friend_id: UserId) -> None:
        with self._lock:
            self._since.pop((user_id, friend_id), None)

    def put_by(self, user_id: UserId) -> dict[UserId, int]:
        with self._lock:
            return {to: since for (by, to), since in self._since.items() if by == user_id}

    def put_for(self, user_id: UserId) -> dict[UserId, int]:
        with self._lock:
            return {by: since for (by, to), since in self._since.items() if to == user_id}

    def mutual(self, user_id: UserId, others: Sequence[UserId]) -> dict[UserId, int]:
        with self._lock:
            pairs = {other: self._since.get((other, user_id)) for other in others}
            return {other: since for other, since in pairs.items() if since is not None}


class MemoryPresenceStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[tuple[UserId, Region], Presence] = {}

    def get(self, user_id: UserId, region: Region) -> Presence:
        with self._lock:
            return self._items.get((user_id, region), Presence(user_id, region))

    def get_many(self, user_ids: Sequence[UserId], regions: Sequence[Region]) -> list[Presence]:
        with self._lock:
            pairs = [(user, region) for user in user_ids for region in regions]
            return [self._items[pair] for pair in pairs if pair in self._items]

    def change(self, presence: Presence, reset: bool) -> bool:
        key = presence.user_id, presence.region
        with self._lock:
            held = self._items.get(key, Presence(*key))
            moved = reset and held.chosen != presence.chosen
            if held.version != presence.version - 1 or moved:
                return False
            chosen = None if reset else held.chosen
            self._items[key] = replace(presence, announced=held.announced, chosen=chosen)
            return True

    def announced(self, presence: Presence) -> None:
        key = presence.user_id, presence.region
        with self._lock:
            self._items[key] = replace(self._items[key], announced=presence.status)

    def choose(self, user_id: UserId, region: Region, status: Status) -> None:
        key = user_id, region
        with self._lock:
            self._items[key] = replace(self._items.get(key, Presence(*key)), chosen=status)


class MemoryMarkers:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._markers: dict[tuple[RoomId, UserId, Region], Marker] = {}

    def move(self, room_id: RoomId, region: Region, marker: Marker) -> Marker | None:
        key = room_id, marker.user_id, region
        with self._lock:
            held = self._markers.get(key)
            if held is None or held.message_id < marker.message_id:
                self._markers[key] = marker
            return held

    def of_user(
        self, user_id: UserId, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, Marker]:
        found: dict[RoomId, Marker] = {}
        with self._lock:
            for room_id in room_ids:
                held = [self._markers.get((room_id, user_id, region)) for region in regions]
                known = [marker for marker in held if marker is not None]
                if known:
                    found[room_id] = max(known, key=lambda marker: marker.message_id)
        return found

    def of_room(self, room_id: RoomId, limit: int) -> list[Marker]:
        furthest: dict[UserId, Marker] = {}
        with self._lock:
            for (room, user_id, _), marker in sorted(self._markers.items()):
                held = furthest.get(user_id, marker)
                if room == room_id:
                    furthest[user_id] = max(held, marker, key=lambda each: each.message_id)
        return list(furthest.values())[:limit]

    def count(self, room_id: RoomId, message_id: MessageId) -> int:
        return sum(each.message_id >= message_id for each in self.of_room(room_id, 10**9))


class MemoryRevocationStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until_ms: dict[UserId, int] = {}

    def put(self, user_id: UserId, until_ms: int) -> None:
        with self._lock:
            self._until_ms[user_id] = max(until_ms, self._until_ms.get(user_id, 0))

    def until_ms(self, user_id: UserId) -> int:
        with self._lock:
            return self._until_ms.get(user_id, 0)


class MemoryCheckpointStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._checkpoints: dict[str, Checkpoint] = {}
        self._used: set[tuple[str, str]] = set()

    def put(self, checkpoint: Checkpoint, now_ms: int) -> None:
        with self._lock:
            self._checkpoints[checkpoint.checkpoint_id] = checkpoint

    def get(self, checkpoint_id: str) -> Checkpoint | None:
        with self._lock:
            return self._checkpoints.get(checkpoint_id)

    def use(self, checkpoint_id: str, offset: str) -> bool:
        with self._lock:
            if checkpoint_id not in self._checkpoints or (checkpoint_id, offset) in self._used:
                return False
            self._used.add((checkpoint_id, offset))
            return True


class MemoryConnectionStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: dict[ConnectionId, Connection] = {}
        self._joined: dict[RoomId, dict[ConnectionId, Target]] = {}
        self._left_ms: dict[UserId, int] = {}

    def put(self, connection: Connection) -> None:
        with self._lock:
            self._connections[connection.connection_id] = connection

    def get(self, connection_id: ConnectionId) -> Connection | None:
        with self._lock:
            return self._connections.get(connection_id)

    def disconnect(self, connection_id: ConnectionId, now_ms: int) -> Connection | None:
        with self._lock:
            connection = self._connections.pop(connection_id, None)
            if connection is not None:
                self._left_ms[connection.user_id] = now_ms
            return connection

    def renew(self, connection_id: ConnectionId, expires_at_s: int, roles: Sequence[str]) -> bool:
        with self._lock:
            connection = self._connections.get(connection_id)
            if connection is None:
                return False
            self._connections[connection_id] = replace(
                connection, expires_at_s=expires_at_s, roles=tuple(roles)
            )
            return True

    def touch(self, connection_id: ConnectionId, now_ms: int) -> None:
        with self._lock:
            if connection_id in self._connections:
                connection = self._connections[connection_id]
                self._connections[connection_id] = replace(connection, last_ping_ms=now_ms)

    def of_user(self, user_id: UserId) -> list[Connection]:
        with self._lock:
            owned = [c for c in self._connections.values() if c.user_id == user_id]
            return sorted(owned, key=lambda c: c.connection_id)

    def devices(self, user_id: UserId) -> Devices:
        with self._lock:
            connected = sum(c.user_id == user_id for c in self._connections.values())
            return Devices(connected, self._left_ms.get(user_id))

    def scan(self) -> Iterator[Connection]:
        with self._lock:
            everyone = list(self._connections.values())
        return iter(everyone)

    def join(self, room_id: RoomId, target: Target) -> None:
        with self._lock:
            connection = self._connections.get(target.connection_id)
            if connection is not None:
                self._joined.setdefault(room_id, {})[target.connection_id] = target
                rooms = tuple(sorted({*connection.rooms, room_id}))
                self._connections[target.connection_id] = replace(connection, rooms=rooms)

    def leave(self, room_id: RoomId, target: Target) -> None:
        with self._lock:
            self._joined.get(room_id, {}).pop(target.connection_id, None)
            connection = self._connections.get(target.connection_id)
            if connection is not None:
                rooms = tuple(room for room in connection.rooms if room != room_id)
                self._connections[target.connection_id] = replace(connection, rooms=rooms)

    def joined(self, room_id: RoomId) -> list[Target]:
        with self._lock:
            targets = self._joined.get(room_id, {}).values()
            return sorted(targets, key=lambda t: (t.user_id, t.connection_id))


class MemoryQueue:
    """Jobs in the order sent; a FIFO deduplication id is remembered for the queue's life.

    Attributes:
        jobs: What waits, oldest first.
        hidden: (receipt handle, seconds) of every delayed retry.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self.jobs: list[QueuedJob] = []
        self.hidden: list[tuple[str, int]] = []

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        with self._lock:
            for job in jobs:
                if job.dedupe is not None and job.dedupe in self._seen:
                    continue
                if job.dedupe is not None:
                    self._seen.add(job.dedupe)
                self.jobs.append(job)

    def depth(self) -> int:
        with self._lock:
            return len(self.jobs)

    def hide(self, receipt_handle: str, seconds: int) -> None:
        with self._lock:
            self.hidden.append((receipt_handle, seconds))
