"""Order and progress of deliveries when connections, posts, Redis or time give out."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from chalicelib.entrypoints import queues
from chalicelib.messaging import fanout, parts, slow
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, UserId
from chalicelib.model.jobs import QueuedJob
from tests.support.counting import counted
from tests.support.deliveries import HERE, LOBBY, arrived, behind, got, jobs, send, serve
from tests.support.paths import ROOT
from tests.support.socketio import Client, Poller
from tests.support.socketio import contents as frames_contents
from tests.support.world import World, record


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    return world


def test_a_connection_stays_behind_whatever_becomes_of_redis(world: World) -> None:
    """Who is behind must be known as surely as his messages are queued."""
    bob, client = world.connect("bob"), Poller(world)
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    world.clock.ms += 6_000
    send(world, bob, "n")
    world.cache.down = world.sessions.down = True
    assert serve(world, *jobs(world, "entry"))
    [late] = jobs(world, "direct")
    assert not serve(world, late)
    world.cache.down = world.sessions.down = False
    send(world, bob, "n+1")
    assert serve(world, *jobs(world, "entry"))
    world.pump(until_ms=world.clock.ms)
    assert frames_contents(client.poll().split("\x1e")) == ["n", "n+1"]


@pytest.mark.parametrize("minutes", [0, 1, 60])
def test_nothing_overtakes_what_waits_for_a_connection_however_long(
    world: World, minutes: int
) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.THROTTLED]
    send(world, alice, "one", "two")
    assert serve(world, *jobs(world, "entry"))
    assert behind(world) == {bob: 2}
    one, two = jobs(world, "direct")
    world.clock.ms += minutes * 60_000
    send(world, alice, "three")
    assert serve(world, *jobs(world, "entry"))
    assert got(world, bob) == [], "three waits with them"
    assert serve(world, one)
    assert serve(world, two)
    world.clock.ms += minutes * 60_000
    assert behind(world) == {bob: 3}, "the one of three ends it"
    send(world, alice, "four")
    world.pump()
    assert got(world, bob) == ["one", "two", "three", "four"]


def test_who_has_caught_up_is_served_with_the_others_again(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.poster.script[bob] = [Outcome.THROTTLED]
    send(world, alice, "one")
    world.pump()
    assert behind(world) == {}
    send(world, alice, "two")
    assert serve(world, *jobs(world, "entry"))
    assert jobs(world, "direct") == []
    assert got(world, bob) == ["one", "two"]


def test_who_falls_behind_in_a_part_stays_so_in_the_next() -> None:
    world = World(split_over=1)
    world.room("alice", "bob", "carol")
    alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.THROTTLED, Outcome.THROTTLED]
    send(world, alice, "one", "two")
    assert serve(world, *jobs(world, "entry"))
    for part in jobs(world, "room_part"):
        assert serve(world, part)
    assert got(world, carol) == ["one", "two"]
    assert got(world, bob) == []
    number = fanout.part_of(UserId("bob"))
    assert behind(world, number) == {bob: 2}
    assert behind(world) == {}
    world.pump()
    assert got(world, bob) == ["one", "two"]
    assert behind(world, number) == {}


def test_the_calls_of_a_delivery_with_one_behind(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.THROTTLED]
    send(world, alice, "one", "two")
    ports = counted(world)
    assert serve(world, *jobs(world, "entry"))
    assert ports["cursors"].calls == ["get", "fall_behind", "advance"]
    assert ports["delivery"].calls == ["send"]
    ports["cursors"].calls.clear()
    for job in jobs(world, "direct"):
        assert serve(world, job)
    assert ports["cursors"].calls == ["catch_up", "catch_up"]


def test_who_is_behind_is_noted_before_a_worker_can_see_the_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of the entry noted takes the note away: one written after it would stay for good."""
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.THROTTLED]
    send(world, alice, "one")
    queue, noted = world.adapters.delivery, list[dict[ConnectionId, int]]()
    plain = queue.send

    def sent(jobs: Sequence[QueuedJob]) -> None:
        noted.append(behind(world))
        plain(jobs)

    monkeypatch.setattr(queue, "send", sent)
    assert serve(world, *jobs(world, "entry"))
    assert noted == [{bob: 1}]


def test_of_too_many_behind_the_last_are_closed_and_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow, "MOST_BEHIND", 2)
    alice, bobs = world.connect("alice"), [world.connect("bob") for _ in range(3)]
    world.pump(until_ms=world.clock.ms)
    for bob in bobs:
        world.poster.script[bob] = [Outcome.THROTTLED]
    send(world, alice, "one", "two")
    assert serve(world, *jobs(world, "entry"))
    assert set(behind(world)) == set(bobs[:2])
    assert world.poster.closed == bobs[2:]
    assert world.adapters.connections.get(ConnectionId(bobs[2])) is None
    assert got(world, bobs[2]) == [], "nothing after what it missed"
    world.pump()
    assert [got(world, bob) for bob in bobs[:2]] == [["one", "two"]] * 2


def test_those_who_left_while_behind_make_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow, "MOST_BEHIND", 3)
    alice, bob = world.connect("alice"), world.connect("bob")
    left = {ConnectionId("left-1="): 1, ConnectionId("left-2="): 1}
    world.adapters.cursors.fall_behind(LOBBY, HERE, {ConnectionId(bob): 1, **left})
    send(world, alice, "one")
    assert serve(world, *jobs(world, "entry"))
    assert set(behind(world)) == {bob}


def test_a_device_keeps_its_group_over_an_upgrade(world: World) -> None:
    bob, client = world.connect("bob"), Poller(world)
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    [known] = world.adapters.connections.of_user("alice")
    world.clock.ms += 6_000
    send(world, bob, "n")
    world.sessions.down = True
    assert serve(world, *jobs(world, "entry"))
    world.sessions.down = False
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    assert websocket.say("5") == ""
    send(world, bob, "n+1")
    assert serve(world, *jobs(world, "entry"))
    assert [job.group for job in jobs(world, "direct")] == [f"c#{known.target.sid}"] * 2
    assert frames_contents(websocket.posted) == []
    world.pump(until_ms=world.clock.ms)
    assert frames_contents(websocket.posted) == ["n", "n+1"]


def test_a_deaf_device_is_closed_where_it_is_after_an_upgrade(world: World) -> None:
    client = Poller(world)
    client.connect("alice")
    [known] = world.adapters.connections.of_user("alice")
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    assert websocket.say("5") == ""
    assert world.adapters.poster.close(known.target) is Outcome.DELIVERED
    assert websocket.closed


def test_a_long_backlog_gets_done_over_several_attempts(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    texts = [str(number) for number in range(70)]
    send(world, alice, *texts)
    last = jobs(world, "entry")[-1]
    world.adapters.delivery.jobs[:] = [last]  # the others are dead letters
    for attempt in range(1, 4):
        world.poster.dies_in(25)
        assert not serve(world, last, receives=attempt)
        assert world.adapters.cursors.get(LOBBY, HERE).seq == attempt * 20
    world.poster.dies_in(None)
    assert serve(world, last, receives=4)
    assert got(world, bob) == texts
    assert len(arrived(world, bob)) <= len(texts) + 3 * 5


def test_a_job_ends_in_its_time_and_queues_the_rest(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    texts = [str(number) for number in range(50)]
    send(world, alice, *texts)
    last = jobs(world, "entry")[-1]
    world.adapters.delivery.jobs[:] = [last]
    post = world.poster.post

    def slowly(posts: list[Post], within_ms: int | None = None) -> list[Outcome]:
        world.clock.ms += 1_000 * len(posts)  # all to one connection, one after the other
        return post(posts, within_ms)

    world.poster.post = slowly  # type: ignore[assignment, method-assign]
    start_ms, rounds = world.clock.ms, 0
    while waiting := jobs(world, "entry"):
        assert waiting[0].group == "lobby"
        assert serve(world, waiting[0])
        rounds += 1
        assert world.clock.ms - start_ms <= rounds * 9_000
    assert rounds == 7
    assert [each["content"] for each in arrived(world, bob)] == texts, "each of them once"


def test_a_room_leaves_its_parts_when_all_of_them_are_done() -> None:
    world = World(split_over=2)
    world.room("alice", "bob", "carol")
    alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.pump(until_ms=world.clock.ms)
    send(world, alice, "one")
    world.pump(until_ms=world.clock.ms)
    world.disconnect(carol)
    world.pump(until_ms=world.clock.ms)
    send(world, alice, "two")
    assert serve(world, *jobs(world, "entry"))
    assert jobs(world, "room_part"), "it was found to be large a moment ago"
    world.clock.ms += parts.LARGE_MS
    send(world, alice, "three")
    assert serve(world, *jobs(world, "entry"))
    assert got(world, bob) == ["one"], "three does not overtake two"
    world.pump(until_ms=world.clock.ms)
    assert got(world, bob) == ["one", "two", "three"]
    world.clock.ms += parts.LARGE_MS
    send(world, alice, "four")
    assert serve(world, *jobs(world, "entry"))
    assert jobs(world, "room_part") == []
    assert got(world, bob) == ["one", "two", "three", "four"]


def test_a_client_that_stopped_reading_can_be_sent_its_job_again_from_outbound(
    world: World,
) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.poster.script[bob] = [Outcome.FAILED] * 5
    send(world, alice, "one")
    world.pump()
    assert world.poster.closed == [bob]
    assert behind(world) == {}
    [dead] = world.adapters.outbound_dead.jobs
    again = {**record(dead), "attributes": {"ApproximateReceiveCount": "1"}}
    assert queues.outbound(world.services, {"Records": [again]}) == {"batchItemFailures": []}
    assert world.adapters.outbound_dead.jobs == [dead]


def test_the_queues_allow_more_receives_than_an_outage_of_hours_takes() -> None:
    definition = json.loads((ROOT / "terraform/resources.json").read_text())
    for name in ("delivery", "outbound"):
        receives = definition["queues"][name]["max_receive_count"]
        assert receives * queues.BACKOFF_CAP_S > 8 * 3600
