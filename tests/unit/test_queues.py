"""Batches of SQS records: which jobs go together, what comes again, who waits for whom."""

from __future__ import annotations

import threading
from typing import Any

from chalicelib.adapters.memory_stores import MemoryQueue
from chalicelib.entry import queues
from chalicelib.errors import Unavailable
from chalicelib.model import Job, Outcome, Post
from tests.support.world import World, record


def send(world: World, connection: str, room: str, text: str) -> None:
    body = {"conversation_id": room, "message_type": "text", "content": text}
    world.act(connection, "send_message", **body)


def take(queue: MemoryQueue, kind: str) -> list[dict[str, Any]]:
    """The jobs of a kind as records, out of the queue."""
    jobs = [job for job in queue.jobs if job.kind == kind]
    queue.jobs[:] = []
    return [named(record(job), f"{kind}{number}") for number, job in enumerate(jobs)]


def named(record: dict[str, Any], name: str) -> dict[str, Any]:
    return {**record, "messageId": name, "receiptHandle": f"receipt of {name}"}


def failed(answer: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_entries_of_a_room_in_one_batch_move_the_cursor_once() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    for number in range(5):
        send(world, alice, "lobby", str(number))
    records = take(world.adapters.delivery, "entry")
    before = world.cache.round_trips
    assert failed(queues.deliver(world.services, {"Records": records})) == []
    contents = [got["content"] for got in world.poster.to(bob, "message_received")]
    assert contents == ["0", "1", "2", "3", "4"]
    assert world.cache.round_trips - before == 2, "begin, who is online"


def test_after_a_failure_the_rest_of_its_group_comes_again_and_at_the_same_time() -> None:
    world = World()
    world.room("alice", "bob")
    world.room("alice", "bob", room_id="other")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump()
    send(world, alice, "lobby", "one")
    send(world, alice, "other", "two")
    records = take(world.adapters.delivery, "entry")
    broken = Job("room_updated", {"room_id": "lobby", "change": "x", "user_id": "b", "at_ms": 1})
    stuck = {**named(record(broken), "stuck"), "attributes": dict(records[0]["attributes"])}
    members = world.adapters.rooms.members

    def unavailable(room_id: str) -> Any:
        raise Unavailable("the store did not answer")

    world.cache.down = True
    world.adapters.rooms.members = lambda r: unavailable(r) if r == "lobby" else members(r)
    answer = queues.deliver(world.services, {"Records": [stuck, *records]})
    assert failed(answer) == ["stuck", "entry0"]
    assert world.adapters.delivery.hidden == [("receipt of stuck", 1), ("receipt of entry0", 1)]
    contents = [got["content"] for got in world.poster.to(bob, "message_received")]
    assert contents == ["two"]


def test_an_unreadable_entry_among_others_is_taken_out_alone() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    send(world, alice, "lobby", "one")
    send(world, alice, "lobby", "two")
    first, second = take(world.adapters.delivery, "entry")
    hollow = {**named(first, "hollow"), "body": '{"kind":"entry","entry":{"seq":"x"}}'}
    answer = queues.deliver(world.services, {"Records": [first, hollow, second]})
    assert failed(answer) == []
    contents = [got["content"] for got in world.poster.to(bob, "message_received")]
    assert contents == ["one", "two"]
    assert [job.body for job in world.adapters.delivery_dead.jobs] == [{"entry": {"seq": "x"}}]


class Meeting:
    """A poster whose posts end only when as many are under way as are expected."""

    def __init__(self, expected: int) -> None:
        self._barrier = threading.Barrier(expected, timeout=20)

    def post(self, posts: list[Post]) -> list[Outcome]:
        if posts:
            self._barrier.wait()
        return [Outcome.DELIVERED] * len(posts)


def test_the_groups_of_a_batch_are_served_side_by_side() -> None:
    world = World()
    rooms = [f"room{number}" for number in range(6)]
    for room in rooms:
        world.room("alice", "bob", room_id=room)
    alice, _ = world.connect("alice"), world.connect("bob")
    world.pump()
    for room in rooms:
        send(world, alice, room, "hi")
    records = take(world.adapters.delivery, "entry")
    meeting = Meeting(len(rooms))
    world.poster.post = meeting.post  # type: ignore[method-assign]
    assert failed(queues.deliver(world.services, {"Records": records})) == []
