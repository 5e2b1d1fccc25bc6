"""A cache whose time tests control, in memory or on Valkey, and values for tests of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis.crc import key_slot

from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.kernel.ids import BUCKETS
from chalicelib.model.connections import Connection, Target
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind
from tests.support.valkey import cluster, pass_time, valkey
from tests.support.world import CountingIds, FakeClock

# The URL (none means memory), and clients of the nodes.
Backend = tuple[str, list[Any]]

ROOM, OTHER = RoomId("lobby"), RoomId("r:{odd} room")
EAST, WEST = Region("us-east-1"), Region("us-west-2")
NOW = 1_800_000_000_000
ALICE, BOB = UserId("alice"), UserId("böb|c:{x}")


def target(user: UserId, device: int = 1) -> Target:
    connection_id = ConnectionId(f"{user}-{device}=")
    return Target(connection_id, user, "api1", "prod", EAST, "json", 1_800_000_000_123 + device)


def connection(user: UserId, device: int = 1, **more: Any) -> Connection:
    given = {"device_info": {"platform": "ios", "ip": "::1"}, "roles": ("service", "admin")}
    times = {"connected_at_ms": 1_800_000_000_123, "last_ping_ms": 1_800_000_000_456}
    fields = {**given, **times, "expires_at_s": 1_800_003_600, "rooms": (ROOM,), **more}
    return Connection(target=target(user, device), **fields)


def entry(number: int, room: RoomId = ROOM, **more: Any) -> Entry:
    message_id = MessageId(f"{number:026d}")
    content = {"text": 'ü|"\n', "n": 1.5, "list": [None, True]}
    fields = {"sender_id": ALICE, "timestamp_ms": 1_800_000_000_000 + number, "content": content}
    kind = EntryKind.MESSAGE
    return Entry(room, EAST, number, message_id, kind, **{**fields, **more})


def warm(cache: Any) -> None:
    """Vouch for all buckets, as a sweep does."""
    for bucket in range(BUCKETS):
        assert cache.vouch(bucket, cache.begin(bucket))


def fill_joined(cache: Any, room: RoomId, targets: Sequence[Target]) -> bool:
    """Cache who has joined a room."""
    return bool(cache.fill_joined(room, cache.joined(room).as_of, iter(targets)))


def online(cache: Any, users: Sequence[UserId]) -> dict[UserId, list[Target]] | None:
    """The connections of those online; None if somebody may be online unknown to Redis."""
    known = cache.online(users)
    if known.unknown:
        return None
    found: dict[UserId, list[Target]] = {}
    for each in known.targets:
        found.setdefault(each.user_id, []).append(each)
    return found


@dataclass
class Rig:
    """A cache whose time tests control; `nodes` are clients of its servers."""

    cache: Any
    clock: FakeClock
    nodes: list[Any]
    seconds: list[float]

    def wait(self, seconds: int) -> None:
        self.clock.ms += seconds * 1000
        pass_time(self.nodes, seconds)

    def flush(self) -> None:
        """Lose everything."""
        if not self.nodes:
            self.cache.flush()
        for node in self.nodes:
            node.flushall()

    def node_of(self, key: str) -> Any:
        """The client of the node that has the key."""
        if len(self.nodes) == 1:
            return self.nodes[0]
        for node in self.nodes:
            for first, last in _own_slots(node):
                if first <= key_slot(key.encode()) <= last:
                    return node
        raise AssertionError(key)


def _own_slots(node: Any) -> list[tuple[int, int]]:
    raw = node.execute_command("CLUSTER NODES")
    mine = next(each for each in raw.values() if "myself" in each["flags"])
    return [(int(slots[0]), int(slots[-1])) for slots in mine["slots"]]


@contextmanager
def backend_of(kind: str) -> Iterator[Backend]:
    """A backend of kind `memory`, `valkey` or `cluster`."""
    if kind == "memory":
        yield "", []
    elif kind == "valkey":
        with valkey() as server:
            yield server.url, [server.client]
    else:
        with cluster() as found:
            yield found


def rig_on(backend: Backend) -> Rig:
    """An empty cache on a backend."""
    url, nodes = backend
    clock, seconds = FakeClock(), [1000.0]
    if not url:
        return Rig(MemoryCache(CountingIds(), clock), clock, nodes, seconds)
    for node in nodes:
        node.flushall()
    cache = RedisCache(RedisClient(url, len(nodes) > 1, lambda: seconds[0]), CountingIds())
    return Rig(cache, clock, nodes, seconds)
