"""The twin and Valkey answer alike whatever is asked of them, and however time passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.kernel.ids import user_bucket
from chalicelib.model.connections import Connection, Target
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind
from chalicelib.model.rooms import Role
from tests.support.models import search
from tests.support.valkey import Valkey, pass_time, valkey
from tests.support.world import CountingIds, FakeClock

USERS = [UserId("alice"), UserId("bob")]
ROOMS = [RoomId("lobby"), RoomId("den")]
REGIONS = [Region("us-east-1"), Region("us-west-2")]
TARGETS = [
    Target(ConnectionId(f"{user}-{n}="), user, "api", "prod", REGIONS[0], "json", 1_800_000_000_123)
    for user in USERS
    for n in range(2)
]

targets, rooms, users = st.sampled_from(TARGETS), st.sampled_from(ROOMS), st.sampled_from(USERS)
roles, regions = st.sampled_from(list(Role)), st.sampled_from(REGIONS)
some_targets = st.lists(targets, max_size=4)
member_maps = st.dictionaries(users, roles)
times = st.integers(1_800_000_000_000, 1_800_000_003_000)
entries = st.builds(
    lambda room, number, content, deleted: Entry(
        room,
        REGIONS[0],
        number,
        MessageId(f"{number:026d}"),
        EntryKind.MESSAGE,
        USERS[0],
        1_800_000_000_000,
        content=content,
        deleted=deleted,
    ),
    rooms,
    st.integers(1, 70),
    st.none() | st.text(max_size=5) | st.floats(allow_nan=False) | st.lists(st.booleans()),
    st.booleans(),
)


class Twins(RuleBasedStateMachine):
    """Asks both the same. Versions are random: only their being equal or not is compared."""

    def __init__(self, server: Valkey) -> None:
        super().__init__()
        server.client.flushall()
        self.clock = FakeClock()
        self.nodes = [server.client]
        self.memory = MemoryCache(CountingIds(), self.clock)
        self.redis = RedisCache(RedisClient(server.url, False), CountingIds())
        self.epochs: list[tuple[int, str, str]] = []
        self.versions: dict[str | None, str | None] = {None: None}

    def both(self, name: str, *arguments: Any) -> Any:
        one, other = (getattr(cache, name)(*arguments) for cache in (self.memory, self.redis))
        assert one == other, (name, arguments)
        return one

    def same_version(self, one: str | None, other: str | None) -> None:
        assert self.versions.setdefault(one, other) == other
        assert list(self.versions.values()).count(other) == 1

    def version(self, data: st.DataObject) -> tuple[str | None, str | None]:
        return data.draw(st.sampled_from(list(self.versions.items())))

    @rule(device=targets, info=st.dictionaries(st.text(max_size=3), st.text(max_size=3)))
    def register(self, device: Target, info: dict[str, str]) -> None:
        self.both("register", Connection(device, info, 1, 2, 3, ("admin",), (ROOMS[0],)))

    @rule(device=targets)
    def unregister(self, device: Target) -> None:
        self.both("unregister", device, 1_800_000_000_000)

    @rule(device=targets, room=st.none() | rooms, region=st.none() | regions)
    def frame(self, device: Target, room: RoomId | None, region: Region | None) -> None:
        asked = (device.connection_id, room, region)
        one, other = self.memory.frame(*asked), self.redis.frame(*asked)
        assert (one.connection, one.role) == (other.connection, other.role)
        self.same_version(one.version, other.version)

    @rule(device=targets, room=rooms, role=roles, data=st.data())
    def grant(self, device: Target, room: RoomId, role: Role, data: st.DataObject) -> None:
        one, other = self.version(data)
        self.memory.grant(device.connection_id, room, one or "", role)
        self.redis.grant(device.connection_id, room, other or "", role)

    @rule(asked=some_targets)
    def refresh(self, asked: list[Target]) -> None:
        self.both("refresh", asked)

    @rule(room=rooms)
    def members(self, room: RoomId) -> None:
        (one, held), (other, other_held) = self.memory.members(room), self.redis.members(room)
        self.same_version(one, other)
        assert held == other_held

    @rule(room=rooms, found=member_maps, data=st.data())
    def fill_members(self, room: RoomId, found: dict[UserId, Role], data: st.DataObject) -> None:
        one, other = self.version(data)
        stored = self.memory.fill_members(room, one, found)
        self.same_version(stored, self.redis.fill_members(room, other, found))

    @rule(room=rooms)
    def refill_members(self, room: RoomId) -> None:
        for cache in (self.memory, self.redis):
            version, _ = cache.members(room)
            assert cache.fill_members(room, version, {USERS[0]: Role.OWNER}) is not None
        self.members(room)

    @rule(room=rooms)
    def bump(self, room: RoomId) -> None:
        self.both("bump", room)
        self.members(room)

    @rule()
    def online(self) -> None:
        one, other = (cache.online(USERS) for cache in (self.memory, self.redis))
        assert set(one.targets) == set(other.targets)
        assert set(one.unknown) == set(other.unknown)
        assert set(one.held) == set(other.held)

    @rule(user=users)
    def devices(self, user: UserId) -> None:
        self.both("devices", user)

    @rule(device=targets)
    def move(self, device: Target) -> None:
        new = replace(device, connection_id=ConnectionId(f"{device.user_id}-moved="))
        self.both("move", device, Connection(new, {}, 1, 2, 3))

    @rule(device=targets, end=st.integers(1, 9))
    def renew(self, device: Target, end: int) -> None:
        self.both("renew", Connection(device, {}, 1, 2, end, ("one",)))

    @rule(devices=some_targets)
    def restore(self, devices: list[Target]) -> None:
        self.both("restore", [Connection(device, {}, 1, 2, 3) for device in devices])

    @rule(devices=some_targets, now_ms=st.integers(1, 9))
    def beat(self, devices: list[Target], now_ms: int) -> None:
        self.both("beat", [device.connection_id for device in devices], now_ms, 3)

    @rule(user=users)
    def begin(self, user: UserId) -> None:
        number = user_bucket(user)
        self.epochs = [(number, *(c.begin(number) for c in (self.memory, self.redis)))]

    @precondition(lambda self: self.epochs)
    @rule()
    def vouch(self) -> None:
        for number, one, other in self.epochs:
            assert self.memory.vouch(number, one) == self.redis.vouch(number, other)

    @rule()
    def keep_warm(self) -> None:
        self.both("keep_warm")

    @rule(user=users)
    def held(self, user: UserId) -> None:
        number = user_bucket(user)
        (one, _), (other, _) = (c.held(number, "") for c in (self.memory, self.redis))
        assert set(one) == set(other)

    @rule(user=users)
    def lose_a_bucket(self, user: UserId) -> None:
        lost = f"online:{{{user_bucket(user)}}}"
        self.memory.flush(lambda key: key.startswith(lost))
        for key in self.nodes[0].keys("online:*"):
            if key.startswith(lost):
                self.nodes[0].delete(key)

    @rule(room=rooms, device=targets)
    def join(self, room: RoomId, device: Target) -> None:
        self.both("join", room, device)

    @rule(room=rooms, device=targets)
    def leave(self, room: RoomId, device: Target) -> None:
        self.both("leave", room, device)

    @rule(room=rooms)
    def joined(self, room: RoomId) -> None:
        one, other = (
            replace(found, targets=tuple(sorted(found.targets, key=str)))
            if found.targets is not None
            else found
            for found in (cache.joined(room) for cache in (self.memory, self.redis))
        )
        assert replace(one, as_of="") == replace(other, as_of="")

    @rule(room=rooms, found=some_targets, late=st.booleans())
    def fill_joined(self, room: RoomId, found: list[Target], late: bool) -> None:
        one, other = (
            cache.fill_joined(room, "before" if late else cache.joined(room).as_of, found)
            for cache in (self.memory, self.redis)
        )
        assert one == other

    @rule(room=rooms, added=st.lists(entries, max_size=60), now_ms=times)
    def deliver(self, room: RoomId, added: list[Entry], now_ms: int) -> None:
        of_room = [replace(entry, room_id=room) for entry in added]
        one, other = (c.deliver(room, of_room) for c in (self.memory, self.redis))
        self.same_version(one.version, other.version)
        assert one.members == other.members

    @rule()
    def recent(self) -> None:
        self.both("recent", ROOMS)

    @rule(room=rooms, user=users, at_ms=times, again_ms=st.sampled_from([1, 100, 10_000]))
    def start_typing(self, room: RoomId, user: UserId, at_ms: int, again_ms: int) -> None:
        self.both("start_typing", room, user, at_ms, again_ms)

    @rule(room=rooms, user=users, at_ms=times)
    def stop_typing(self, room: RoomId, user: UserId, at_ms: int) -> None:
        self.both("stop_typing", room, user, at_ms)

    @rule(name=st.sampled_from(["x", "y"]), seconds=st.sampled_from([5, 300]))
    def tally(self, name: str, seconds: int) -> None:
        self.both("tally", name, seconds)

    @rule(name=st.sampled_from(["x", "y"]))
    def forget(self, name: str) -> None:
        self.both("forget", name)

    @rule(seconds=st.sampled_from([1, 29, 30, 299, 300, 3599, 3600]))
    def wait(self, seconds: int) -> None:
        self.clock.ms += seconds * 1000
        pass_time(self.nodes, seconds)

    def teardown(self) -> None:
        for room in ROOMS:
            self.members(room)
            self.joined(room)
        self.recent()
        self.online()


@pytest.mark.timeout(420)  # a failure is shrunk for up to five minutes
def test_memory_and_valkey_answer_alike(pytestconfig: pytest.Config) -> None:
    with valkey() as server:
        search(lambda: Twins(server), pytestconfig)
