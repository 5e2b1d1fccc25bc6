"""What `ports.Cache` promises, on the twin in memory, on Valkey and on a Valkey cluster."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
from redis.crc import key_slot

from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.access import Charge
from chalicelib.model.connections import Connection, Devices, Frame, Target
from chalicelib.model.delivery import Delivering
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind
from chalicelib.model.metrics import Traffic
from chalicelib.model.rooms import Role
from tests.support.valkey import Valkey, cluster, frozen, pass_time, valkey
from tests.support.world import CountingIds, FakeClock

ROOM, OTHER = RoomId("lobby"), RoomId("r:{odd} room")
EAST, WEST = Region("us-east-1"), Region("us-west-2")
NOW = 1_800_000_000_000
ALICE, BOB = UserId("alice"), UserId("böb|c:{x}")
served = pytest.mark.parametrize("backend", ["valkey", "cluster"], indirect=True)


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


@dataclass
class Rig:
    """A cache with time that passes at will; `nodes` are clients of its servers."""

    cache: Any
    clock: FakeClock
    nodes: list[Any]
    seconds: list[float]

    def wait(self, seconds: int) -> None:
        self.clock.ms += seconds * 1000
        pass_time(self.nodes, seconds)

    def node_of(self, key: str) -> Any:
        """The client of the node that serves the key."""
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


@pytest.fixture(scope="module", params=["memory", "valkey", "cluster"])
def backend(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[Any]]]:
    """(url, clients of the nodes); no url means memory."""
    if request.param == "memory":
        yield "", []
    elif request.param == "valkey":
        with valkey() as server:
            yield server.url, [server.client]
    else:
        with cluster() as found:
            yield found


@pytest.fixture
def rig(backend: tuple[str, list[Any]]) -> Rig:
    url, nodes = backend
    clock, seconds = FakeClock(), [1000.0]
    if not url:
        return Rig(MemoryCache(CountingIds(), clock), clock, nodes, seconds)
    for node in nodes:
        node.flushall()
    cache = RedisCache(RedisClient(url, len(nodes) > 1, lambda: seconds[0]), CountingIds())
    return Rig(cache, clock, nodes, seconds)


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Each call in a thread of its own, started together."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


class TestRegistry:
    def test_the_first_connection_and_the_last_are_told(self, rig: Rig) -> None:
        cache = rig.cache
        assert cache.register(connection(ALICE, 1))
        assert not cache.register(connection(ALICE, 2))
        assert cache.register(connection(BOB, 1))
        assert not cache.unregister(target(ALICE, 1), NOW)
        assert cache.unregister(target(ALICE, 2), NOW)
        assert cache.register(connection(ALICE, 1))

    def test_registering_again_is_not_first(self, rig: Rig) -> None:
        assert rig.cache.register(connection(ALICE))
        assert not rig.cache.register(connection(ALICE))

    def test_unregistering_the_unknown_is_not_last(self, rig: Rig) -> None:
        assert not rig.cache.unregister(target(ALICE), NOW)
        rig.cache.register(connection(ALICE, 1))
        assert not rig.cache.unregister(target(ALICE, 2), NOW)
        assert rig.cache.unregister(target(ALICE, 1), NOW)
        assert not rig.cache.unregister(target(ALICE, 1), NOW)

    def test_devices_are_counted_and_the_last_to_go_is_dated(self, rig: Rig) -> None:
        assert rig.cache.devices(ALICE) is None
        rig.cache.set_warm(True)
        assert rig.cache.devices(ALICE) == Devices(0, None)
        rig.cache.register(connection(ALICE, 1))
        rig.cache.register(connection(ALICE, 2))
        rig.cache.unregister(target(ALICE, 1), NOW)
        assert rig.cache.devices(ALICE) == Devices(1, None)
        rig.cache.unregister(target(ALICE, 2), NOW + 5)
        rig.cache.unregister(target(ALICE, 2), NOW + 9)
        assert rig.cache.devices(ALICE) == Devices(0, NOW + 5)
        assert rig.cache.online([ALICE]) == {}
        assert rig.cache.register(connection(ALICE, 3))
        assert rig.cache.devices(ALICE) == Devices(1, None)

    def test_a_claim_is_one_s(self, rig: Rig) -> None:
        assert sum(at_once([lambda: rig.cache.claim("x", 5)] * 8)) == 1
        assert rig.cache.claim("y", 5)
        assert not rig.cache.claim("x", 5)

    def test_acks_stand_for_messages(self, rig: Rig) -> None:
        one, other = (ROOM, MessageId("0" * 26)), (ROOM, MessageId("1" * 26))
        assert rig.cache.acked(7) is None
        rig.cache.expect_acks({7: one, 2**48 - 1: other})
        rig.cache.expect_acks({7: one})
        assert rig.cache.acked(7) == one
        assert rig.cache.acked(2**48 - 1) == other
        assert rig.cache.acked(8) is None

    def test_of_many_threads_one_is_first_and_one_last(self, rig: Rig) -> None:
        devices = range(16)
        for _ in range(5):
            register = [lambda n=n: rig.cache.register(connection(ALICE, n)) for n in devices]
            assert sum(at_once(register)) == 1
            unregister = [lambda n=n: rig.cache.unregister(target(ALICE, n), NOW) for n in devices]
            assert sum(at_once(unregister)) == 1

    def test_the_same_connection_unregistered_by_many_is_last_for_one(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        assert sum(at_once([lambda: rig.cache.unregister(target(ALICE), NOW)] * 8)) == 1

    def test_online_is_unknown_while_cold(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        assert rig.cache.online([ALICE]) is None
        rig.cache.set_warm(True)
        assert rig.cache.online([ALICE, BOB]) == {ALICE: [target(ALICE)]}
        rig.cache.set_warm(False)
        assert rig.cache.online([ALICE]) is None
        rig.cache.set_warm(True)
        rig.wait(179)
        assert rig.cache.online([ALICE]) is not None
        rig.wait(2)
        assert rig.cache.online([ALICE]) is None, "before what it vouches for expires"

    def test_online_has_every_device(self, rig: Rig) -> None:
        rig.cache.set_warm(True)
        for user, device in [(ALICE, 1), (ALICE, 2), (BOB, 1)]:
            rig.cache.register(connection(user, device))
        found = rig.cache.online([BOB, ALICE, UserId("nobody")])
        assert set(found) == {ALICE, BOB}
        assert set(found[ALICE]) == {target(ALICE, 1), target(ALICE, 2)}
        rig.cache.unregister(target(BOB), NOW)
        assert set(rig.cache.online([BOB, ALICE])) == {ALICE}

    def test_online_takes_a_thousand_users(self, rig: Rig) -> None:
        rig.cache.set_warm(True)
        users = [UserId(f"u{n}") for n in range(1000)]
        for user in users[::100]:
            rig.cache.register(connection(user))
        before = rig.cache.round_trips
        assert set(rig.cache.online(users)) == set(users[::100])
        assert rig.cache.round_trips - before == max(1, len(rig.nodes))

    def test_a_user_is_online_for_300_s_from_the_last_refresh(self, rig: Rig) -> None:
        rig.cache.set_warm(True)
        rig.cache.register(connection(ALICE))
        rig.wait(299)
        assert rig.cache.refresh([target(ALICE)]) == []
        rig.wait(299)
        rig.cache.set_warm(True)
        assert ALICE in rig.cache.online([ALICE])
        rig.wait(1)
        assert rig.cache.online([ALICE]) == {}
        assert rig.cache.refresh([target(ALICE)]) == [target(ALICE)]
        assert rig.cache.register(connection(ALICE)), "first again"

    def test_refresh_tells_what_is_missing(self, rig: Rig) -> None:
        for user, device in [(ALICE, 1), (ALICE, 2), (BOB, 1)]:
            rig.cache.register(connection(user, device))
        rig.cache.unregister(target(ALICE, 2), NOW)
        asked = [target(ALICE, 1), target(ALICE, 2), target(BOB, 1), target(BOB, 2)]
        assert rig.cache.refresh(asked) == [target(ALICE, 2), target(BOB, 2)]
        assert rig.cache.refresh([]) == []

    def test_refresh_extends_the_connection(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        for _ in range(15):
            rig.wait(290)
            assert rig.cache.refresh([target(ALICE)]) == []
        assert rig.cache.frame(target(ALICE).connection_id, None, None).connection

    def test_refresh_tells_of_a_connection_that_only_its_user_s_entry_remembers(
        self, rig: Rig
    ) -> None:
        for device in (1, 2):
            rig.cache.register(connection(ALICE, device))
        for _ in range(13):
            rig.wait(290)
            assert rig.cache.refresh([target(ALICE, 2)]) == []
        assert rig.cache.refresh([target(ALICE, 1)]) == [target(ALICE, 1)]


class TestFrame:
    def test_it_answers_the_connection_as_registered(self, rig: Rig) -> None:
        for one in [connection(ALICE), connection(BOB, roles=(), rooms=(), device_info={})]:
            rig.cache.register(one)
            assert rig.cache.frame(one.connection_id, None, None) == Frame(one)

    def test_of_an_unknown_connection_the_room_is_still_answered(self, rig: Rig) -> None:
        unknown = ConnectionId("nobody=")
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.OWNER})
        assert rig.cache.frame(unknown, ROOM, EAST) == Frame(None, None, version, 1)
        assert rig.cache.frame(unknown, None, EAST) == Frame(None)

    def test_an_unregistered_connection_is_forgotten(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        rig.cache.unregister(target(ALICE), NOW)
        assert rig.cache.frame(target(ALICE).connection_id, None, None) == Frame(None)

    def test_frames_keep_the_connection_for_an_hour(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        for _ in range(2):
            rig.wait(3599)
            assert rig.cache.frame(one.connection_id, None, None).connection == one
        rig.wait(3600)
        assert rig.cache.frame(one.connection_id, None, None).connection is None

    def test_a_grant_holds_while_the_version_does(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.ADMIN})
        assert rig.cache.frame(one.connection_id, ROOM, None).role is None
        rig.cache.grant(one.connection_id, ROOM, version, Role.ADMIN)
        assert rig.cache.frame(one.connection_id, ROOM, None) == Frame(one, Role.ADMIN, version)
        assert rig.cache.frame(one.connection_id, OTHER, None).role is None
        rig.cache.bump(ROOM)
        after = rig.cache.frame(one.connection_id, ROOM, None)
        assert after.role is None
        assert after.version not in (None, version)

    def test_a_grant_under_an_old_version_is_void(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.ADMIN})
        rig.cache.bump(ROOM)
        rig.cache.grant(one.connection_id, ROOM, version, Role.ADMIN)
        assert rig.cache.frame(one.connection_id, ROOM, None).role is None

    def test_a_grant_ends_with_its_version(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.ADMIN})
        rig.cache.grant(one.connection_id, ROOM, version, Role.ADMIN)
        rig.wait(3000)
        assert rig.cache.frame(one.connection_id, ROOM, None).role is Role.ADMIN
        rig.wait(600)
        assert rig.cache.frame(one.connection_id, ROOM, None) == Frame(one)
        rig.cache.fill_members(ROOM, None, {ALICE: Role.MEMBER})
        assert rig.cache.frame(one.connection_id, ROOM, None).role is None

    def test_a_grant_makes_no_connection(self, rig: Rig) -> None:
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.ADMIN})
        rig.cache.grant(target(ALICE).connection_id, ROOM, version, Role.ADMIN)
        assert rig.cache.frame(target(ALICE).connection_id, ROOM, None).connection is None
        rig.cache.register(connection(ALICE))
        assert rig.cache.frame(target(ALICE).connection_id, ROOM, None).role is None

    def test_tickets_count_on_from_the_head_in_their_stream(self, rig: Rig) -> None:
        def draw(room: RoomId, region: Region) -> int:
            return rig.cache.frame(ConnectionId("x="), room, region).ticket

        assert [draw(ROOM, EAST), draw(ROOM, EAST)] == [1, 2]
        rig.cache.set_ticket(ROOM, EAST, 41)
        assert [draw(ROOM, EAST), draw(ROOM, WEST), draw(OTHER, EAST)] == [42, 1, 1]
        assert rig.cache.frame(ConnectionId("x="), ROOM, None).ticket is None
        rig.wait(3599)
        assert draw(ROOM, EAST) == 43
        rig.wait(3600)
        assert draw(ROOM, EAST) == 1

    def test_tickets_of_many_threads_differ(self, rig: Rig) -> None:
        rig.cache.set_ticket(ROOM, EAST, 10)
        frame = rig.cache.frame
        frames = at_once([lambda: frame(ConnectionId("x="), ROOM, EAST)] * 16)
        assert sorted(each.ticket for each in frames) == list(range(11, 27))


class TestMembers:
    MEMBERS: ClassVar = {ALICE: Role.OWNER, BOB: Role.MEMBER}

    def test_unknown_then_filled(self, rig: Rig) -> None:
        assert rig.cache.members(ROOM) == (None, None)
        version = rig.cache.fill_members(ROOM, None, self.MEMBERS)
        assert version
        assert rig.cache.members(ROOM) == (version, self.MEMBERS)
        assert rig.cache.members(OTHER) == (None, None)

    def test_a_bump_drops_them_under_a_new_version(self, rig: Rig) -> None:
        old = rig.cache.fill_members(ROOM, None, self.MEMBERS)
        rig.cache.bump(ROOM)
        version, members = rig.cache.members(ROOM)
        assert members is None
        assert version not in (None, old)
        assert rig.cache.fill_members(ROOM, version, {BOB: Role.OWNER}) == version
        assert rig.cache.members(ROOM) == (version, {BOB: Role.OWNER})

    def test_a_bump_in_between_refuses_the_fill(self, rig: Rig) -> None:
        rig.cache.bump(ROOM)
        assert rig.cache.fill_members(ROOM, None, self.MEMBERS) is None
        version, _ = rig.cache.members(ROOM)
        rig.cache.bump(ROOM)
        assert rig.cache.fill_members(ROOM, version, self.MEMBERS) is None
        assert rig.cache.members(ROOM)[1] is None

    def test_a_version_that_expired_in_between_refuses_the_fill(self, rig: Rig) -> None:
        version = rig.cache.fill_members(ROOM, None, self.MEMBERS)
        rig.wait(3600)
        assert rig.cache.members(ROOM) == (None, None)
        assert rig.cache.fill_members(ROOM, version, self.MEMBERS) is None
        assert rig.cache.fill_members(ROOM, None, self.MEMBERS) != version

    def test_a_fill_replaces_what_was_cached(self, rig: Rig) -> None:
        version = rig.cache.fill_members(ROOM, None, self.MEMBERS)
        rig.wait(3000)
        assert rig.cache.fill_members(ROOM, version, {BOB: Role.ADMIN}) == version
        rig.wait(3000)
        assert rig.cache.members(ROOM) == (version, {BOB: Role.ADMIN})

    def test_nobody_can_be_cached_and_so_can_many(self, rig: Rig) -> None:
        version = rig.cache.fill_members(ROOM, None, {})
        assert rig.cache.members(ROOM) == (version, {})
        many = {UserId(f"u{n}"): Role.MEMBER for n in range(2501)}
        assert rig.cache.fill_members(ROOM, version, many) == version
        assert rig.cache.members(ROOM) == (version, many)

    def test_of_two_first_fills_one_is_stored(self, rig: Rig) -> None:
        fills = at_once([lambda: rig.cache.fill_members(ROOM, None, self.MEMBERS)] * 8)
        assert [each for each in fills if each] == [rig.cache.members(ROOM)[0]]

    def test_no_reader_sees_members_older_than_a_bump(self, rig: Rig) -> None:
        """A writer changes the store and bumps; others fill and read all the while."""
        cache, store, bumped, least = rig.cache, [0], [0], {}
        done = threading.Event()
        reads: list[tuple[str, int]] = []

        def write() -> None:
            for number in range(1, 151):
                store[0] = number
                cache.bump(ROOM)
                bumped[0] = number
                least[cache.members(ROOM)[0]] = number
            done.set()

        def fill() -> None:
            while not done.is_set():
                version, _ = cache.members(ROOM)
                cache.fill_members(ROOM, version, {UserId(str(store[0])): Role.MEMBER})

        def read() -> None:
            while not done.is_set():
                at_least = bumped[0]
                version, members = cache.members(ROOM)
                if members is not None:
                    (number,) = map(int, members)
                    assert number >= at_least
                    reads.append((version, number))

        def guarded(call: Callable[[], None]) -> Callable[[], None]:
            def run() -> None:
                try:
                    call()
                finally:
                    done.set()

            return run

        at_once([guarded(call) for call in (write, fill, fill, read, read)])
        assert all(number >= least.get(version, 0) for version, number in reads)


class TestJoined:
    def test_the_first_device_and_the_last_are_told(self, rig: Rig) -> None:
        cache = rig.cache
        assert cache.join(ROOM, target(ALICE, 1))
        assert not cache.join(ROOM, target(ALICE, 1))
        assert not cache.join(ROOM, target(ALICE, 2))
        assert cache.join(ROOM, target(BOB, 1))
        assert cache.join(OTHER, target(ALICE, 1))
        assert not cache.leave(ROOM, target(ALICE, 1))
        assert not cache.leave(ROOM, target(ALICE, 1))
        assert cache.leave(ROOM, target(ALICE, 2))
        assert not cache.leave(ROOM, target(ALICE, 2))

    def test_of_many_threads_one_is_first_and_one_last(self, rig: Rig) -> None:
        devices = range(16)
        for _ in range(5):
            join = [lambda n=n: rig.cache.join(ROOM, target(ALICE, n)) for n in devices]
            assert sum(at_once(join)) == 1
            leave = [lambda n=n: rig.cache.leave(ROOM, target(ALICE, n)) for n in devices]
            assert sum(at_once(leave)) == 1

    def test_it_is_not_cached_until_filled(self, rig: Rig) -> None:
        assert rig.cache.joined(ROOM) is None
        rig.cache.join(ROOM, target(ALICE, 1))
        assert rig.cache.joined(ROOM) is None
        rig.cache.fill_joined(ROOM, iter([target(ALICE, 2), target(BOB), target(ALICE, 1)]))
        everyone = [target(ALICE, 1), target(ALICE, 2), target(BOB)]
        assert sorted(rig.cache.joined(ROOM), key=str) == sorted(everyone, key=str)
        assert not rig.cache.join(ROOM, target(BOB, 2)), "known from the store"

    def test_an_empty_room_can_be_cached(self, rig: Rig) -> None:
        rig.cache.fill_joined(ROOM, [])
        assert rig.cache.joined(ROOM) == []
        assert rig.cache.join(ROOM, target(ALICE))
        assert rig.cache.joined(ROOM) == [target(ALICE)]
        assert rig.cache.leave(ROOM, target(ALICE))
        assert rig.cache.joined(ROOM) == []

    def test_it_is_kept_for_an_hour_from_the_last_join(self, rig: Rig) -> None:
        rig.cache.fill_joined(ROOM, [target(ALICE)])
        rig.wait(3599)
        rig.cache.join(ROOM, target(BOB))
        rig.wait(3599)
        assert len(rig.cache.joined(ROOM)) == 2
        rig.wait(1)
        assert rig.cache.joined(ROOM) is None


class TestRecent:
    def test_oldest_first_by_room(self, rig: Rig) -> None:
        rig.cache.deliver(ROOM, [entry(3), entry(1)])
        rig.cache.deliver(OTHER, [entry(7, OTHER)])
        rig.cache.deliver(ROOM, [entry(2)])
        found = rig.cache.recent([ROOM, OTHER, RoomId("none")])
        assert found == {ROOM: [entry(1), entry(2), entry(3)], OTHER: [entry(7, OTHER)], "none": []}
        assert rig.cache.recent([]) == {}

    def test_an_entry_replaces_itself(self, rig: Rig) -> None:
        rig.cache.deliver(ROOM, [entry(n) for n in (1, 2, 3)])
        deleted = entry(2, content=None, deleted=True)
        rig.cache.deliver(ROOM, [deleted])
        assert rig.cache.recent([ROOM])[ROOM] == [entry(1), deleted, entry(3)]

    def test_every_field_survives(self, rig: Rig) -> None:
        full = replace(
            entry(1),
            kind=EntryKind.DELETION,
            message_type="text",
            reply_to_message_id=MessageId("r"),
            client_message_id="c|{~",
            target_id=MessageId("t"),
            origin_id=ConnectionId("o="),
        )
        rig.cache.deliver(ROOM, [full])
        assert rig.cache.recent([ROOM]) == {ROOM: [full]}

    def test_the_newest_50_are_kept(self, rig: Rig) -> None:
        numbers = list(range(1, 121))
        random.Random(1).shuffle(numbers)
        rig.cache.deliver(ROOM, [entry(n) for n in numbers[:60]])
        rig.cache.deliver(ROOM, [entry(n) for n in numbers[60:]])
        assert [each.seq for each in rig.cache.recent([ROOM])[ROOM]] == list(range(71, 121))

    def test_they_are_kept_for_an_hour(self, rig: Rig) -> None:
        rig.cache.deliver(ROOM, [entry(1)])
        rig.wait(3599)
        rig.cache.deliver(ROOM, [entry(2)])
        rig.wait(3599)
        assert len(rig.cache.recent([ROOM])[ROOM]) == 2
        rig.wait(1)
        assert rig.cache.recent([ROOM]) == {ROOM: []}


class TestTypingAndSlow:
    def test_the_newest_start_is_remembered(self, rig: Rig) -> None:
        assert rig.cache.typing_since(ROOM, ALICE) is None
        for started_ms in (1_800_000_000_001, 1_800_000_000_003, 1_800_000_000_002):
            rig.cache.typing(ROOM, ALICE, started_ms)
        assert rig.cache.typing_since(ROOM, ALICE) == 1_800_000_000_003
        assert rig.cache.typing_since(ROOM, BOB) is None
        assert rig.cache.typing_since(OTHER, ALICE) is None

    def test_a_stop_forgets_it(self, rig: Rig) -> None:
        rig.cache.typing(ROOM, ALICE, 5)
        rig.cache.typing(ROOM, BOB, 6)
        rig.cache.typing(ROOM, ALICE, None)
        assert rig.cache.typing_since(ROOM, ALICE) is None
        assert rig.cache.typing_since(ROOM, BOB) == 6
        rig.cache.typing(ROOM, ALICE, 4)
        assert rig.cache.typing_since(ROOM, ALICE) == 4

    def test_it_ends_by_itself(self, rig: Rig) -> None:
        rig.cache.typing(ROOM, ALICE, 5)
        rig.wait(29)
        assert rig.cache.typing_since(ROOM, ALICE) == 5
        rig.wait(1)
        assert rig.cache.typing_since(ROOM, ALICE) is None


class TestDeliver:
    def test_it_begins_with_all_that_is_known_of_the_room(self, rig: Rig) -> None:
        assert rig.cache.deliver(ROOM, []) == Delivering(None, None)
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.OWNER, BOB: Role.MEMBER})
        assert rig.cache.deliver(ROOM, [entry(1)]) == Delivering(
            version, {ALICE: Role.OWNER, BOB: Role.MEMBER}
        )
        assert rig.cache.recent([ROOM]) == {ROOM: [entry(1)]}
        rig.cache.bump(ROOM)
        after = rig.cache.deliver(ROOM, [])
        assert after.members is None
        assert after.version not in (None, version)


class TestBudget:
    def test_a_second_s_rate_at_once_then_as_time_passes(self, rig: Rig) -> None:
        lease, now_ms = rig.cache.lease_posts, 1_800_000_000_000
        assert [lease(6, 10, now_ms), lease(6, 10, now_ms), lease(6, 10, now_ms)] == [6, 4, 0]
        assert lease(6, 10, now_ms + 250) == 2
        assert lease(6, 10, now_ms + 300) == 1
        assert lease(99, 10, now_ms + 60_000) == 10

    def test_a_clock_behind_gains_nothing(self, rig: Rig) -> None:
        lease, now_ms = rig.cache.lease_posts, 1_800_000_000_000
        assert lease(10, 10, now_ms) == 10
        assert lease(10, 10, now_ms - 5000) == 0
        assert lease(10, 10, now_ms) == 0

    def test_no_window_exceeds_the_rate(self, rig: Rig) -> None:
        chance, rate, now_ms = random.Random(7), 37, 1_800_000_000_000
        taken: list[tuple[int, int]] = []
        for _ in range(400):
            now_ms += chance.choice([0, 1, 3, 11, 90, 700])
            taken.append((now_ms, rig.cache.lease_posts(chance.randint(0, 30), rate, now_ms)))
        for first, (from_ms, _) in enumerate(taken):
            total = 0
            for at_ms, granted in taken[first:]:
                total += granted
                assert total <= rate + (at_ms - from_ms) * rate / 1000 + 1e-6

    def test_many_threads_share_it(self, rig: Rig) -> None:
        now_ms = 1_800_000_000_000
        assert sum(at_once([lambda: rig.cache.lease_posts(10, 85, now_ms)] * 16)) == 85


class TestTraffic:
    def test_messages_are_counted_from_one_asking_to_the_next(self, rig: Rig) -> None:
        assert rig.cache.traffic(NOW) == Traffic(None, 0, None)
        rig.cache.deliver(ROOM, [entry(1), entry(2)])
        rig.cache.deliver(OTHER, [entry(1, OTHER)])
        rig.cache.deliver(OTHER, [])
        rig.cache.note_connections(7)
        assert rig.cache.traffic(NOW + 1500) == Traffic(7, 3, 1.5)
        assert rig.cache.traffic(NOW + 2500) == Traffic(7, 0, 1.0)
        rig.wait(301)
        assert rig.cache.traffic(NOW).connections is None


class TestSpend:
    def charge(self, at_ms: int, **more: Any) -> Charge:
        fields = {"name": "send", "per_s": 2.0, "burst": 3, "now_ms": NOW + at_ms}
        return Charge(**{**fields, "payer": ALICE, **more})

    def test_a_burst_then_the_rate(self, rig: Rig) -> None:
        spend = rig.cache.spend
        assert [spend(self.charge(0)) for _ in range(5)] == [0, 0, 0, 500, 500]
        assert spend(self.charge(499)) in (1, 2)
        assert spend(self.charge(500)) == 0
        assert spend(self.charge(400)) == 500, "a clock behind gains nothing"
        assert spend(self.charge(0, payer=BOB)) == 0
        assert spend(self.charge(0, name="other")) == 0
        assert [spend(self.charge(10**7)) for _ in range(4)] == [0, 0, 0, 500]

    def test_many_threads_share_it(self, rig: Rig) -> None:
        waits = at_once([lambda: rig.cache.spend(self.charge(0))] * 8)
        assert waits.count(0) == 3

    def test_a_frame_pays_on_its_way(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        frame, ids = rig.cache.frame, target(ALICE).connection_id
        for _ in range(3):
            assert frame(ids, ROOM, EAST, self.charge(0)).wait_ms == 0
        held = frame(ids, ROOM, EAST, self.charge(0))
        assert (held.wait_ms, held.ticket) == (500, 4)
        assert held.connection == connection(ALICE)
        assert rig.cache.spend(self.charge(0)) == 500, "the same bucket"
        own = [frame(ids, None, None, self.charge(0, payer=None)).wait_ms for _ in range(4)]
        assert own == [0, 0, 0, 500], "the connection's"

    def test_paying_brings_no_connection_to_life(self, rig: Rig) -> None:
        unknown = ConnectionId("x=")
        for _ in range(5):
            frame = rig.cache.frame(unknown, None, None, self.charge(0, payer=None))
            assert (frame.connection, frame.wait_ms) == (None, 0)

    def test_a_ticket_is_given_back_unless_later_ones_are_out(self, rig: Rig) -> None:
        def ticket() -> int | None:
            return rig.cache.frame(ConnectionId("x="), ROOM, EAST).ticket

        assert (ticket(), ticket()) == (1, 2)
        rig.cache.return_ticket(ROOM, EAST, 1)
        assert ticket() == 3
        rig.cache.return_ticket(ROOM, EAST, 3)
        assert ticket() == 3


def test_a_moved_connection_is_the_same_device_under_another_id(rig: Rig) -> None:
    rig.cache.set_warm(True)
    old, new = connection(ALICE, 1), connection(ALICE, 2)
    assert rig.cache.register(old)
    rig.cache.move(old.target, new)
    assert rig.cache.online([ALICE]) == {ALICE: [new.target]}
    assert rig.cache.frame(old.connection_id, None, None).connection is None
    assert rig.cache.frame(new.connection_id, None, None).connection == new
    assert not rig.cache.unregister(old.target, NOW)
    assert rig.cache.unregister(new.target, NOW)


CALLS: dict[str, Callable[[Any], Any]] = {
    "register": lambda c: c.register(connection(ALICE)),
    "unregister": lambda c: c.unregister(target(ALICE), NOW),
    "move": lambda c: c.move(target(ALICE), connection(ALICE, 2)),
    "devices": lambda c: c.devices(ALICE),
    "expect_acks": lambda c: c.expect_acks({1: (ROOM, MessageId("0" * 26))}),
    "acked": lambda c: c.acked(1),
    "spend": lambda c: c.spend(Charge("x", 1.0, 1, NOW, ALICE)),
    "return_ticket": lambda c: c.return_ticket(ROOM, EAST, 1),
    "note_connections": lambda c: c.note_connections(3),
    "traffic": lambda c: c.traffic(NOW),
    "claim": lambda c: c.claim("x", 5),
    "frame": lambda c: c.frame(ConnectionId("x="), ROOM, EAST),
    "grant": lambda c: c.grant(ConnectionId("x="), ROOM, "v", Role.OWNER),
    "set_ticket": lambda c: c.set_ticket(ROOM, EAST, 1),
    "refresh": lambda c: c.refresh([target(ALICE, n) for n in range(50)]),
    "members": lambda c: c.members(ROOM),
    "fill_members": lambda c: c.fill_members(ROOM, None, {ALICE: Role.OWNER}),
    "bump": lambda c: c.bump(ROOM),
    "online": lambda c: c.online([UserId(f"u{n}") for n in range(50)]),
    "set_warm": lambda c: c.set_warm(True),
    "join": lambda c: c.join(ROOM, target(ALICE)),
    "leave": lambda c: c.leave(ROOM, target(ALICE)),
    "joined": lambda c: c.joined(ROOM),
    "fill_joined": lambda c: c.fill_joined(ROOM, [target(ALICE, n) for n in range(50)]),
    "deliver": lambda c: c.deliver(ROOM, [entry(n) for n in range(1, 51)]),
    "recent": lambda c: c.recent([RoomId(f"r{n}") for n in range(50)]),
    "typing": lambda c: c.typing(ROOM, ALICE, 1),
    "typing_stop": lambda c: c.typing(ROOM, ALICE, None),
    "typing_since": lambda c: c.typing_since(ROOM, ALICE),
    "lease_posts": lambda c: c.lease_posts(1, 10, 1_800_000_000_000),
    "ping": lambda c: c.ping(),
}
MANY_KEYS = {"move", "refresh", "online", "recent", "deliver"}
TWO_KEYS = {"devices", "register", "traffic", "unregister", "frame"}


@pytest.mark.parametrize("name", CALLS)
def test_every_method_is_one_round_trip(rig: Rig, name: str) -> None:
    CALLS[name](rig.cache)  # the server has its script from now on
    before = rig.cache.round_trips
    CALLS[name](rig.cache)
    nodes = 3 if name in MANY_KEYS else 2 if name in TWO_KEYS else 1
    assert 1 <= rig.cache.round_trips - before <= min(nodes, max(1, len(rig.nodes)))


@pytest.mark.parametrize("name", CALLS)
def test_every_method_tells_that_the_cache_is_down(name: str) -> None:
    memory = MemoryCache(CountingIds(), FakeClock())
    memory.down = True
    for cache in (
        memory,
        RedisCache(RedisClient("", False), CountingIds()),
        RedisCache(RedisClient("redis://127.0.0.1:1", False), CountingIds()),
        RedisCache(RedisClient("redis://127.0.0.1:1", True), CountingIds()),
    ):
        for _ in range(2):
            with pytest.raises(CacheDown):
                CALLS[name](cache)


def test_the_twin_forgets_all_when_flushed_and_nothing_while_down() -> None:
    memory = MemoryCache(CountingIds(), FakeClock())
    memory.register(connection(ALICE))
    memory.set_warm(True)
    memory.down = True
    memory.down = False
    assert memory.online([ALICE]) == {ALICE: [target(ALICE)]}
    memory.flush()
    assert memory.online([ALICE]) is None
    assert memory.register(connection(ALICE))


class TestServer:
    """What only a Redis over the network can do."""

    @served
    def test_keys_fields_and_expiries_are_as_documented(self, rig: Rig) -> None:
        cache = rig.cache
        cache.register(connection(ALICE))
        cache.set_warm(True)
        cache.grant(target(ALICE).connection_id, ROOM, "v1", Role.OWNER)
        cache.fill_members(ROOM, None, {ALICE: Role.OWNER})
        cache.frame(target(ALICE).connection_id, ROOM, EAST)
        cache.fill_joined(ROOM, [target(ALICE)])
        cache.deliver(ROOM, [entry(1)])
        cache.typing(ROOM, ALICE, 5)
        cache.lease_posts(1, 10, 1_800_000_000_000)
        expiries = {key: node.ttl(key) for node in rig.nodes for key in node.keys("*")}
        expected = {
            "user:online:alice": 300,
            "connection:alice-1=": 3600,
            "room:{lobby}:version": 3600,
            "room:{lobby}:members": 3600,
            "room:{lobby}:ticket:us-east-1": 3600,
            "room:{lobby}:joined": 3600,
            "conversation:lobby:recent": 3600,
            "typing:lobby": 30,
            "posts:budget": 60,
            "online:warm": 180,
            "stats:traffic": -1,
        }
        assert set(expiries) == set(expected)
        assert all(expected[key] - 2 <= left <= expected[key] for key, left in expiries.items())
        online = rig.node_of("user:online:alice").hgetall("user:online:alice")
        assert set(online) == {"status", "last_seen", "c:alice-1="}
        held = rig.node_of("connection:alice-1=").hgetall("connection:alice-1=")
        assert {"user_id", "rooms", "device_info", "m:lobby"} <= set(held)
        cache.unregister(target(ALICE), NOW)
        node = rig.node_of("user:online:alice")
        assert node.hget("user:online:alice", "left") == str(NOW)
        assert 298 <= node.ttl("user:online:alice") <= 300

    @served
    def test_a_script_the_server_lost_is_sent_again(self, rig: Rig) -> None:
        rig.cache.bump(ROOM)
        for node in rig.nodes:
            node.script_flush()
        before = rig.cache.round_trips
        rig.cache.bump(ROOM)
        assert rig.cache.round_trips - before == 2
        rig.cache.bump(ROOM)
        assert rig.cache.round_trips - before == 3

    @served
    def test_sockets_that_the_server_closed_are_opened_again(self, rig: Rig) -> None:
        users = [UserId(f"u{n}") for n in range(30)]
        rig.cache.set_warm(True)
        assert rig.cache.online(users) == {}
        for node in rig.nodes:
            node.client_kill_filter(_type="normal", skipme=True)
        assert rig.cache.online(users) == {}

    @served
    def test_a_key_of_a_wrong_type_is_no_reason_to_stop_asking(self, rig: Rig) -> None:
        rig.node_of("user:online:alice").set("user:online:alice", "x")
        with pytest.raises(CacheDown):
            rig.cache.register(connection(ALICE))
        assert rig.cache.register(connection(BOB))

    @served
    def test_a_frozen_server_costs_one_timeout(self, rig: Rig) -> None:
        users = [UserId(f"u{n}") for n in range(1000)]
        rig.cache.set_warm(True)
        with frozen(rig.node_of("user:online:u0")):
            start = time.monotonic()
            with pytest.raises(CacheDown):
                rig.cache.online(users)
            assert time.monotonic() - start < 3
            before = rig.cache.round_trips
            for _ in range(100):
                with pytest.raises(CacheDown):
                    rig.cache.ping()
            assert rig.cache.round_trips == before
        rig.seconds[0] += 1.1
        assert rig.cache.online(users) == {}

    @pytest.mark.parametrize("backend", ["cluster"], indirect=True)
    def test_a_slot_that_moved_is_found(self, rig: Rig) -> None:
        key, now_ms = "posts:budget", 1_800_000_000_000
        assert rig.cache.lease_posts(1, 10, now_ms) == 1
        old = rig.node_of(key)
        new = next(node for node in rig.nodes if node is not old)
        slot = key_slot(key.encode())
        old_id, new_id = (node.execute_command("CLUSTER MYID") for node in (old, new))
        old.delete(key)
        new.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", old_id)
        old.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", new_id)
        for node in (new, old):
            node.execute_command("CLUSTER SETSLOT", slot, "NODE", new_id)
        assert rig.cache.lease_posts(10, 10, now_ms) == 10
        before = rig.cache.round_trips
        assert rig.cache.lease_posts(10, 10, now_ms) == 0
        assert rig.cache.round_trips - before == 1


@pytest.fixture
def server() -> Iterator[Valkey]:
    with valkey() as started:
        yield started


def test_a_killed_server_is_asked_once_a_second_and_found_again(server: Valkey) -> None:
    seconds = [1000.0]
    cache = RedisCache(RedisClient(server.url, False, lambda: seconds[0]), CountingIds())
    cache.set_warm(True)
    cache.register(connection(ALICE))
    server.stop()

    def refused(_: int = 0) -> bool:
        try:
            cache.ping()
        except CacheDown:
            return True
        return False

    before = cache.round_trips
    assert refused()
    assert cache.round_trips - before == 1
    assert all(at_once([refused] * 8))
    assert cache.round_trips - before == 1, "the circuit is open"
    seconds[0] += 1.01
    assert all(at_once([refused] * 8))
    assert cache.round_trips - before == 2, "one call probes"
    server.start()
    assert refused(), "the pause is not over"
    seconds[0] += 1.01
    assert not refused()
    assert cache.online([ALICE]) is None, "cold: it came back empty"
    assert cache.register(connection(ALICE))


def test_nothing_is_opened_by_the_constructor() -> None:
    RedisCache(RedisClient("redis://192.0.2.1:6379", True), CountingIds())
