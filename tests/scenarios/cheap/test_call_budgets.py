"""DESIGN's call budgets, counted on the twins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.composition import compose
from chalicelib.connections.registry import FILL_S
from chalicelib.entrypoints.http import rest
from chalicelib.kernel.ids import BUCKETS
from chalicelib.messaging.posting import Posting
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.counting import counted
from tests.support.socketio import Client, Poller
from tests.support.world import World


def test_a_message_until_its_ack() -> None:
    world = World()
    world.room("alice", "bob")
    alice = world.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    world.act(alice, "send_message", **body)
    world.pump()
    ports = counted(world)
    world.act(alice, "send_message", client_message_id="c1", **body)
    assert ports["cache"].calls == ["frame", "settle"]
    assert ports["log"].calls == ["commit"]  # one transaction of three writes
    assert ports["delivery"].calls == ["send"]
    for name in ("rooms", "connections", "poster", "outbound", "cursors"):
        assert ports[name].calls == [], name


def test_the_first_frame_of_a_connection_in_a_process_reads_first_who_pays() -> None:
    world = World()
    world.room("alice", "bob")
    alice = world.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    world.act(alice, "send_message", **body)
    world.pump()
    ports = counted(world)
    world.services.frames._users.clear()  # as in an environment that just started
    before = world.cache.round_trips
    world.act(alice, "send_message", **body)
    world.act(alice, "send_message", **body)
    assert ports["cache"].calls == ["owner", "frame", "settle", "frame", "settle"]
    assert world.cache.round_trips - before == 5
    assert ports["connections"].calls == []


def test_the_first_message_after_a_quiet_time() -> None:
    """Nothing of the room is cached any more: not its head, its members nor the grant."""
    world = World()
    world.room("alice", "bob")
    alice = world.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    world.act(alice, "send_message", **body)
    world.pump(until_ms=world.clock.ms)
    for _ in range(3):
        world.clock.ms += 30 * 60_000
        world.act(alice, "ping")
    ports = counted(world)
    world.act(alice, "ping")  # the process knows whose connection it is
    for port in ports.values():
        port.calls.clear()
    before = world.cache.round_trips
    world.act(alice, "send_message", client_message_id="c1", **body)
    assert ports["cache"].calls == ["frame", "grant", "settle"]
    assert world.cache.round_trips - before == 2, "the grant goes with the head"
    assert ports["log"].calls == ["heads", "commit"], "one transaction of three writes"
    assert ports["rooms"].calls == ["member"], "one member, not all"
    assert ports["delivery"].calls == ["send"]
    for name in ("connections", "poster", "outbound", "cursors"):
        assert ports[name].calls == [], name
    world.act(alice, "send_message", **body)
    assert ports["rooms"].calls == ["member"], "granted"


def test_a_known_frame_reads_no_store() -> None:
    world = World()
    world.room("alice")
    alice = world.connect("alice")
    world.act(alice, "hello")
    ports = counted(world)
    world.act(alice, "hello")
    assert ports["cache"].calls == ["frame"]
    assert ports["connections"].calls == []


def test_connect_and_disconnect() -> None:
    world = World()
    ports = counted(world)
    alice = world.connect("alice")
    assert ports["connections"].calls == ["put"]
    assert ports["revocations"].calls == ["until_ms"]
    assert ports["cache"].calls == ["spend", "register"]
    world.disconnect(alice)
    assert ports["connections"].calls == ["put", "get", "disconnect"]
    assert ports["cache"].calls == ["spend", "register", "unregister"]
    assert ports["delivery"].calls == ["send"], "the presence of who came"
    assert ports["outbound"].calls == ["send"], "and of who left"


def test_a_delivery_reads_no_store_per_member_and_posts_once_a_connection() -> None:
    world = World()
    users = [f"user{n}" for n in range(200)]
    world.room("alice", *users)
    alice = world.connect("alice")
    for user in users[:40]:
        world.connect(user)
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    world.act(alice, "send_message", **body)
    world.pump()
    world.act(alice, "send_message", **body)
    ports = counted(world)
    before = world.poster.calls
    world.pump()
    assert world.poster.calls - before == 40
    assert ports["connections"].calls == []
    assert ports["rooms"].calls == []
    assert ports["cursors"].calls == ["get", "advance"]
    assert sorted(ports["cache"].calls) == ["deliver", "online_in"]


def test_a_frame_after_a_change_of_membership_reads_one_member() -> None:
    world = World()
    world.room("alice", *(f"user{n}" for n in range(200)))
    alice = world.connect("alice")
    world.adapters.cache.bump(RoomId("lobby"))
    ports = counted(world)
    for times in (1, 2):
        body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
        world.act(alice, "send_message", **body)
        assert ports["rooms"].calls == ["member"], times
    assert ports["cache"].calls.count("grant") == 1


def test_redis_cold_costs_a_large_room_one_read_a_bucket_and_keeps_what_was_read() -> None:
    world = World()
    users = [f"user{n}" for n in range(1_000)]
    world.room("alice", *users)
    devices = [world.connect(user) for user in ("alice", *users[:50])]
    world.pump()
    world.cache.flush()
    ports = counted(world)
    everyone = [UserId(user) for user in ("alice", *users)]
    found = world.services.connections.of_users(everyone)
    assert {target.connection_id for target in found} == set(devices)
    assert ports["connections"].calls.count("in_bucket") == BUCKETS
    assert "of_user" not in ports["connections"].calls
    ports["connections"].calls.clear()
    world.cache.flush(lambda key: key.startswith("online:{7}"))
    world.wait(FILL_S)
    a = world.adapters
    posting = Posting(a.poster, world.services.connections, a.cache, world.services.rooms, a.clock)
    assert {target.connection_id for target in posting.connected(everyone)} == set(devices)
    assert ports["connections"].calls.count("in_bucket") == 1, "the others are still warm"


def test_without_redis_the_members_of_a_room_are_read_side_by_side() -> None:
    world = World()
    users = [f"user{n}" for n in range(40)]
    devices = [world.connect(user) for user in users[:5]]
    world.cache.down = True
    together: list[int] = []

    class Threads:
        def run(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
            together.append(len(calls))
            return [call() for call in calls]

    world.services = compose(world.settings, replace(world.adapters, parallel=Threads()))
    found = world.services.connections.of_users(list(map(UserId, users)))
    assert [target.connection_id for target in found] == devices
    assert together[-1] == 40


def test_a_sweep_makes_deliveries_cheap_again_after_redis_lost_all() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.cache.flush()
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    ports = counted(world)
    for swept in (False, True):
        if swept:
            world.sweep()
        world.act(alice, "send_message", **body)
        ports["connections"].calls.clear()
        world.pump(until_ms=world.clock.ms)
        read = [call for call in ports["connections"].calls if call == "of_user"]
        assert bool(read) is not swept, "nobody is known to be away before the sweep"
    assert len(world.poster.to(bob, "message_received")) == 2


def test_socketio_over_a_websocket() -> None:
    world = World()
    world.room("alice", "bob")
    ports = counted(world)
    client = Client(world, "s1=")
    assert ports["sessions"].calls == ["open"]
    assert ports["outbound"].calls == ["send"], "the open packet"
    client.connect("alice")
    assert ports["sessions"].calls == ["open", "pay", "connect"]
    assert ports["cache"].calls == ["spend", "register"]
    assert ports["connections"].calls == ["put"]
    assert ports["poster"].calls == [], "the answer rides the return body"
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    client.act("send_message", body)
    world.pump(until_ms=world.clock.ms)
    for port in ports.values():
        port.calls.clear()
    client.act("send_message", body)
    assert ports["cache"].calls == ["frame", "settle"]
    assert ports["log"].calls == ["commit"]
    assert ports["delivery"].calls == ["send"]
    for name in ("rooms", "connections", "poster", "outbound", "sessions"):
        assert ports[name].calls == [], name


def test_socketio_over_polling_and_its_upgrade() -> None:
    world = World()
    ports = counted(world)
    client = Poller(world)
    assert (ports["sessions"].calls, ports["outbound"].calls) == (["open"], ["send"])
    client.connect("alice")
    connect = ["pay", "pay", "connect", "push"]  # the post, CONNECT, noted, not upgraded
    assert ports["sessions"].calls == ["open", *connect, "pay", "poll", "take"]
    assert ports["poster"].calls == ["post"], "the answer, into the outbox"
    ports["sessions"].calls.clear()
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    assert ports["sessions"].calls == ["pay", "open", "pay", "probe"]
    ports["sessions"].calls.clear()
    assert websocket.say("5") == ""
    assert ports["sessions"].calls == ["pay", "drain", "queued", "open"]
    assert ports["cache"].calls == ["spend", "register", "move"]


def test_unread_counts_and_is_read_read_no_message() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    first = world.act(alice, "send_message", **body)["message_id"]
    world.act(bob, "message_read", conversation_id="lobby", message_id=first)
    for _ in range(150):
        world.clock.ms += 100  # within a member's share of the room's rate
        world.act(alice, "send_message", **body)
    ports = counted(world)
    [room] = world.http(rest.list_rooms, "bob").body["rooms"]
    assert room["unread"] == 100
    assert ports["log"].calls == ["heads"]
    assert ports["markers"].calls == ["of_user"]
    ports["log"].calls.clear()
    synced = world.act(bob, "sync", positions={"lobby": ""})["conversations"]["lobby"]
    assert synced["unread"] == 100
    assert ports["log"].calls == ["heads", "before", "heads"], "the page of the snapshot alone"
    assert ports["markers"].calls == ["of_user"] * 2
