"""What a sender that delivers calls, and what its worker need not call any more."""

from __future__ import annotations

from chalicelib.entrypoints.http import rest
from tests.support.counting import Counting, counted
from tests.support.deliveries import got, jobs, send
from tests.support.lanes import laned, streamed, warmed, work
from tests.support.world import World


def quiet(world: World, *users: str) -> tuple[list[str], dict[str, Counting]]:
    """A room that has had two messages; its devices, and counts from now on."""
    devices = [world.connect(user) for user in users]
    warmed(world, devices[0])
    send(world, devices[0], "second")
    world.pump(until_ms=world.clock.ms)
    return devices, counted(world)


def test_a_message_to_a_quiet_room_waits_for_no_queue() -> None:
    world = laned()
    (alice, bob), ports = quiet(world, "alice", "bob")
    trips = world.cache.round_trips
    send(world, alice, "1")
    assert got(world, bob)[-1] == "1"
    # Until the ack: the frame and the head. Then, beside the job: one trip before the posts, one
    # write and one trip after them.
    assert ports["cache"].calls == ["frame", "settle", "take_lane", "release_lease"]
    assert world.cache.round_trips - trips == 4
    assert ports["log"].calls == ["commit"]
    assert ports["cursors"].calls == ["advance"]
    assert ports["delivery"].calls == ["send"]
    assert ports["poster"].calls == ["post"]
    for name in ("rooms", "connections", "outbound", "trails"):
        assert ports[name].calls == [], name


def test_its_worker_sees_in_its_first_trip_that_nothing_is_left() -> None:
    world = laned()
    (alice, _), ports = quiet(world, "alice", "bob")
    send(world, alice, "1", "2")
    for port in ports.values():
        port.calls.clear()
    assert len(jobs(world, "entry")) == 2
    assert work(world)
    assert ports["cursors"].calls == ["get"]
    made = {name: port.calls for name, port in ports.items() if port.calls}
    assert set(made) == {"cursors"}, made


def test_with_the_outbox_a_delivered_message_costs_no_call_of_a_queue() -> None:
    world = laned(outbox=True)
    (alice, bob), ports = quiet(world, "alice", "bob")
    send(world, alice, "1", "2")
    assert got(world, bob)[-2:] == ["1", "2"]
    streamed(world)
    assert ports["delivery"].calls == []
    assert ports["outbound"].calls == []
    assert ports["cursors"].calls == ["advance", "advance", "of"]
    assert len(ports["poster"].calls) == 2


def test_a_room_that_the_lane_does_not_serve_costs_the_sender_no_trip() -> None:
    world = World(fast_lane=50)
    world.room("alice", *(f"user{n}" for n in range(150)))
    (alice, *_), ports = quiet(world, "alice", "user1")
    send(world, alice, "1")
    assert ports["cache"].calls == ["frame", "settle"]
    assert ports["poster"].calls == []


def test_more_connections_than_the_lane_takes() -> None:
    world = laned(fast_lane=1)
    (alice, bob, carol), ports = quiet(world, "alice", "bob", "carol")
    send(world, alice, "1")
    assert ports["poster"].calls == []
    assert work(world)
    assert (got(world, bob)[-1], got(world, carol)[-1]) == ("1", "1")


def test_without_the_lane_nobody_takes_a_lease() -> None:
    world = laned(fast_lane=0)
    (alice, bob), ports = quiet(world, "alice", "bob")
    send(world, alice, "1")
    assert work(world)
    assert got(world, bob)[-1] == "1"
    assert not {"take_lane", "take_lease", "release_lease"} & set(ports["cache"].calls)


def test_a_message_over_http_costs_one_trip_more() -> None:
    world = laned()
    (_, bob), ports = quiet(world, "alice", "bob")
    body = {"message_type": "text", "content": "1"}
    assert world.http(rest.post_message, "alice", body, room_id="lobby").status == 201
    assert got(world, bob)[-1] == "1"
    lane = ["deliver", "take_lane", "release_lease"]
    assert [call for call in ports["cache"].calls if call in lane] == lane


def test_a_busy_room_is_left_to_its_worker() -> None:
    """Who waited in line to write does not deliver: others wait behind them."""
    world = laned()
    (alice, bob), ports = quiet(world, "alice", "bob")
    world.cache.frame(alice, "lobby", world.services.region)  # type: ignore[arg-type]
    send(world, alice, "1")
    assert "enter_line" in ports["cache"].calls
    world.pump(until_ms=world.clock.ms)
    assert got(world, bob)[-1] == "1"
