"""Several workers post to one socket that can recover: nothing is lost, little comes twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from chalicelib.entrypoints import queues
from chalicelib.jobs.delivery import DeliverEntry
from chalicelib.kernel.errors import Unavailable
from chalicelib.messaging.checkpoints import MOST_SINCE
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.sessions import Checkpoint
from chalicelib.wire import offsets
from tests.support.socketio import Device, say, send
from tests.support.world import World, record


def during_the_next_post(world: World, then: Callable[[], None], *, before: bool) -> None:
    """Do something while a post to a device is on its way, before or after the device has it."""
    post = world.poster.post

    def posting(posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        world.poster.post = post  # type: ignore[method-assign]
        if before:
            then()
        outcomes = post(posts, within_ms)
        if not before:
            then()
        return outcomes

    world.poster.post = posting  # type: ignore[method-assign]


def deliver(world: World, alice: str, content: str, room: str = "one") -> None:
    """Send a message and deliver it, but run no job in a group of a socket."""
    send(world, alice, content, room)
    queue = world.adapters.delivery.jobs
    entries = [job for job in queue if isinstance(job, DeliverEntry)]
    queue[:] = [job for job in queue if not isinstance(job, DeliverEntry)]
    queues.deliver(world.services, {"Records": [record(job) for job in entries]})


@pytest.mark.parametrize("before", [True, False], ids=["overtaken", "in order"])
def test_two_posts_in_flight_when_the_line_breaks(world: World, alice: str, before: bool) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "0")
    during_the_next_post(world, lambda: say(world, alice, "2", "two"), before=before)
    say(world, alice, "1")
    bob.hear()
    assert sorted(bob.got) == ["0", "1", "2"]
    bob.cut()
    assert bob.come().recovered
    again = bob.got[3:]
    assert again in (["1"], ["2"]), "it cannot be known whether the client has the other one"
    ids = [data["message_id"] for data in bob.messages if data["content"] in again]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_what_came_before_and_after_is_certain(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    during_the_next_post(world, lambda: say(world, alice, "2", "two"), before=False)
    say(world, alice, "1")
    say(world, alice, "3", "two")
    bob.hear()
    bob.cut()
    assert bob.come().recovered
    assert sorted(bob.got) == ["1", "2", "3"]


def test_a_worker_that_was_paused_changes_nothing(world: World, alice: str) -> None:
    """It wakes up when the socket has come back: its old connection and its trail are gone."""
    bob = Device(world, "bob").come()

    def come_back() -> None:
        bob.read()
        bob.cut()
        assert bob.come().recovered

    during_the_next_post(world, come_back, before=True)
    say(world, alice, "1")
    assert bob.hear() == ["1"]
    say(world, alice, "2")
    say(world, alice, "3", "two")
    assert bob.hear() == ["1", "2", "3"]
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1", "2", "3"]


def test_while_a_socket_comes_back_its_entries_wait_for_its_answer(
    world: World, alice: str
) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1")
    during_the_next_post(world, lambda: deliver(world, alice, "2"), before=True)
    assert bob.come().recovered
    assert bob.hear() == ["1", "2"]
    say(world, alice, "3")
    assert bob.hear() == ["1", "2", "3"]


def test_offsets_stay_short_when_checkpoints_cannot_be_written(world: World, alice: str) -> None:
    rooms = [world.room("alice", "bob", room_id=f"r{number}") for number in range(40)]
    bob = Device(world, "bob").come()
    put, refused = world.adapters.checkpoints.put, []

    def refuse(checkpoint: Checkpoint, now_ms: int) -> None:
        refused.append(checkpoint)
        raise Unavailable("the store is away")

    world.adapters.checkpoints.put = refuse  # type: ignore[method-assign]
    for room in rooms[:20]:
        deliver(world, alice, room, room)
    assert len(refused) > 1
    assert bob.read().count("message_received") == 2 * MOST_SINCE
    world.adapters.checkpoints.put = put  # type: ignore[method-assign]
    for room in rooms[20:]:
        say(world, alice, room, room)
    world.wait(60)
    bob.read()
    assert sorted(bob.got) == sorted(rooms)
    assert len(offsets.decode(str(bob.offset))[1]) <= 2 * MOST_SINCE
    bob.cut()
    assert bob.come().recovered
    assert len(bob.got) == len(rooms)
