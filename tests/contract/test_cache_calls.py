"""Every method of `ports.Cache`: one round trip, and `CacheDown` when the cache is down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.access import Charge, RoomRate
from chalicelib.model.connections import Online
from chalicelib.model.identifiers import ConnectionId, MessageId, RoomId, UserId
from chalicelib.model.lines import Draft, Turn, TurnId
from chalicelib.model.log import Head
from chalicelib.model.rooms import LargeRoom, Role
from tests.support.cache import ALICE, EAST, NOW, ROOM, Rig, connection, entry, target, warm
from tests.support.world import CountingIds, FakeClock

RATE = RoomRate(1, 9, 1, 9)

DRAFT = Draft(TurnId("t"), entry(0), "#draft#t")
CALLS: dict[str, Callable[[Any], Any]] = {
    "register": lambda c: c.register(connection(ALICE)),
    "unregister": lambda c: c.unregister(target(ALICE), NOW),
    "move": lambda c: c.move(target(ALICE), connection(ALICE, 2)),
    "restore": lambda c: c.restore([connection(ALICE, n) for n in range(50)]),
    "renew": lambda c: c.renew(connection(ALICE)),
    "devices": lambda c: c.devices(ALICE),
    "expect_acks": lambda c: c.expect_acks({1: (ROOM, MessageId("0" * 26))}),
    "acked": lambda c: c.acked(1),
    "spend": lambda c: c.spend(Charge("x", 1.0, 1, NOW, ALICE)),
    "spend_for_address": lambda c: c.spend_for_address("192.0.2.1", Charge("x", 1.0, 1, NOW)),
    "note_revoked": lambda c: c.note_revoked(ALICE, NOW),
    "owner": lambda c: c.owner(target(ALICE).connection_id),
    "spend_room": lambda c: c.spend_room(ROOM, Charge("x", 1, 1, NOW, ALICE, room=RATE)),
    "enter_line": lambda c: c.enter_line(DRAFT),
    "wait_in_line": lambda c: c.wait_in_line(DRAFT, 0.01),
    "settle": lambda c: c.settle((ROOM, EAST), DRAFT.turn_id, Head(1, MessageId("1")), {}),
    "give_up_turn": lambda c: c.give_up_turn((ROOM, EAST), Turn(DRAFT.turn_id), True),
    "note_connections": lambda c: c.note_connections(3),
    "traffic": lambda c: c.traffic(NOW),
    "claim": lambda c: c.claim("x", 5),
    "newest_view": lambda c: c.newest_view(ROOM, ALICE, NOW),
    "elsewhere": lambda c: c.elsewhere([UserId(f"u{n}") for n in range(50)]),
    "note_elsewhere": lambda c: c.note_elsewhere({UserId(f"u{n}"): set() for n in range(50)}),
    "forget_elsewhere": lambda c: c.forget_elsewhere(ALICE),
    "frame": lambda c: c.frame(ConnectionId("x="), ROOM, EAST),
    "refresh": lambda c: c.refresh([target(ALICE, n) for n in range(50)]),
    "online_in": lambda c: c.online_in(LargeRoom(ROOM, "v", 200)),
    "members": lambda c: c.members(ROOM),
    "version": lambda c: c.version(ROOM),
    "fill_members": lambda c: c.fill_members(ROOM, None, {ALICE: Role.OWNER}),
    "bump": lambda c: c.bump(ROOM),
    "online": lambda c: c.online([UserId(f"u{n}") for n in range(50)]),
    "beat": lambda c: c.beat([target(ALICE, n).connection_id for n in range(50)], NOW, 5),
    "begin": lambda c: c.begin(1),
    "vouch": lambda c: c.vouch(1, "epoch"),
    "keep_warm": lambda c: c.keep_warm(),
    "held": lambda c: c.held(1, ""),
    "join": lambda c: c.join(ROOM, target(ALICE)),
    "leave": lambda c: c.leave(ROOM, target(ALICE)),
    "joined": lambda c: c.joined(ROOM),
    "fill_joined": lambda c: c.fill_joined(ROOM, "0", [target(ALICE, n) for n in range(50)]),
    "take_lease": lambda c: c.take_lease((ROOM, EAST), "one", 1_000),
    "take_lane": lambda c: c.take_lane((ROOM, EAST), "two", 1_000, [entry(1)], [ALICE]),
    "release_lease": lambda c: c.release_lease((ROOM, EAST), "one", 1, True, 1),
    "deliver": lambda c: c.deliver(ROOM, [entry(n) for n in range(1, 51)]),
    "recent": lambda c: c.recent([RoomId(f"r{n}") for n in range(50)]),
    "start_typing": lambda c: c.start_typing(ROOM, ALICE, 1, 1),
    "stop_typing": lambda c: c.stop_typing(ROOM, ALICE, 1),
    "lease_posts": lambda c: c.lease_posts(1, 10, ROOM),
    "note_posts": lambda c: c.note_posts(3, 1),
    "posts_pass": lambda c: c.posts_pass(),
    "tally": lambda c: c.tally("x", 5),
    "forget": lambda c: c.forget("x"),
    "ping": lambda c: c.ping(),
}


MANY_KEYS = {
    "elsewhere",
    "note_elsewhere",
    *("beat", "keep_warm", "move", "register", "restore", "unregister", "online_in"),
    *("refresh", "online", "recent", "deliver", "take_lane", "release_lease"),
}


TWO_KEYS = {"devices", "traffic", "frame"}


@pytest.mark.parametrize("name", CALLS)
def test_every_method_is_one_round_trip(rig: Rig, name: str) -> None:
    CALLS[name](rig.cache)  # the server knows its script from now on
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
    warm(memory)
    memory.down = True
    memory.down = False
    assert memory.online([ALICE]) == Online([target(ALICE)], [], [])
    memory.flush()
    assert memory.online([ALICE]) == Online([], [ALICE], [])
    assert memory.register(connection(ALICE))
