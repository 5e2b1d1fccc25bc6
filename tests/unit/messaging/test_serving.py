"""Posts of several entries to many connections: each in order, none waiting for another."""

from __future__ import annotations

import pytest

from chalicelib.messaging.serving import WINDOW
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import RoomId
from tests.support.counting import counted
from tests.support.deliveries import HERE, LOBBY, arrived, behind, got, jobs, send, serve
from tests.support.world import World

TEXTS = ["one", "two", "three", "four"]


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob", "carol")
    return world


def test_entries_of_a_window_are_one_call_of_the_post_client(world: World) -> None:
    alice, *_ = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.pump(until_ms=world.clock.ms)
    send(world, alice, *TEXTS)
    ports = counted(world)
    assert serve(world, *jobs(world, "entry"))
    assert len(TEXTS) == WINDOW
    assert ports["poster"].calls == ["post"]


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.FAILED])
def test_who_refuses_the_second_gets_the_rest_in_its_own_group(
    world: World, outcome: Outcome
) -> None:
    alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.DELIVERED, outcome]
    send(world, alice, *TEXTS)
    assert serve(world, *jobs(world, "entry"))
    assert got(world, carol) == TEXTS
    assert got(world, bob) == ["one"]
    assert behind(world) == {bob: 4}
    assert [job.kind for job in world.adapters.delivery.jobs] == ["direct"] * 3
    world.pump()
    assert [each["content"] for each in arrived(world, bob)] == TEXTS


def test_what_is_too_large_is_passed_over_and_the_next_follows(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.DELIVERED, Outcome.TOO_LARGE]
    send(world, alice, *TEXTS)
    assert serve(world, *jobs(world, "entry"))
    assert got(world, bob) == ["one", "three", "four"]
    assert [job.kind for job in world.adapters.delivery_dead.jobs] == ["set_aside"]


def test_who_is_gone_is_cleaned_up_once(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    world.clock.ms += 6_000
    world.poster.script[bob] = [Outcome.DELIVERED] + [Outcome.GONE] * 3
    send(world, alice, *TEXTS)
    assert serve(world, *jobs(world, "entry"))
    assert len(world.poster.script[bob]) == 2, "what follows is not posted"
    assert world.adapters.connections.get(bob) is None
    assert behind(world) == {}
    assert jobs(world, "direct") == []


def test_an_entry_counts_when_the_last_connection_has_it(world: World) -> None:
    alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.pump(until_ms=world.clock.ms)
    world.poster.script[bob] = [Outcome.DELIVERED, Outcome.UNSENT]
    world.poster.script[carol] = [Outcome.DELIVERED] * 2 + [Outcome.UNSENT]
    send(world, alice, *TEXTS)
    waiting = jobs(world, "entry")
    world.poster.script[bob] += [Outcome.UNSENT]
    assert not serve(world, *waiting)
    assert world.adapters.cursors.get(LOBBY, HERE).seq == 1
    assert behind(world) == {}
    assert serve(world, *waiting, receives=2)
    assert got(world, bob) == got(world, carol) == TEXTS


def many(world: World) -> tuple[str, list[str]]:
    world.room("zed", *(f"user{number:02}" for number in range(30)), room_id="lobby2")
    zed = world.connect("zed")
    devices = [world.connect(f"user{number:02}") for number in range(30)]
    world.pump(until_ms=world.clock.ms)
    return zed, devices


@pytest.mark.parametrize("split_over", [500, 2], ids=["small room", "large room"])
def test_a_room_makes_progress_with_however_few_posts_and_posts_nothing_twice(
    split_over: int,
) -> None:
    """Parts of a large room share what a loud room may use; none gets enough for all of its own."""
    world = World(split_over=split_over)
    zed, devices = many(world)
    left = {"posts": 0}

    def rationed(_: str) -> Outcome | None:
        left["posts"] -= 1
        return Outcome.UNSENT if left["posts"] < 0 else None

    world.poster.rule = rationed
    for text in ("one", "two"):
        body = {"conversation_id": "lobby2", "message_type": "text", "content": text}
        world.act(zed, "send_message", **body)
    for _ in range(200):
        for job in list(world.adapters.delivery.jobs):
            left["posts"] = 1 if split_over == 2 else 4
            if job in world.adapters.delivery.jobs:
                serve(world, job)
    assert world.adapters.delivery.jobs == []
    for device in devices:
        assert [each["content"] for each in arrived(world, device)] == ["one", "two"]


def test_who_refuses_before_the_place_that_is_kept_is_served_in_its_own_group() -> None:
    world = World()
    zed, devices = many(world)
    world.poster.script[devices[0]] = [Outcome.THROTTLED]
    world.poster.script[devices[5]] = [Outcome.UNSENT]
    body = {"conversation_id": "lobby2", "message_type": "text", "content": "one"}
    world.act(zed, "send_message", **body)
    [job] = jobs(world, "entry")
    assert not serve(world, job)
    cursor = world.adapters.cursors.get(RoomId("lobby2"), HERE)
    assert cursor.reached(1) == "user04"
    assert cursor.behind == {devices[0]: 1}
    world.pump()
    for device in devices:
        assert {each["content"] for each in arrived(world, device)} == {"one"}
    assert [len(arrived(world, device)) for device in devices[:6]] == [1] * 6
