"""Batches of SQS records: which jobs go together, what comes again, who waits for whom."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryQueue
from chalicelib.composition import compose
from chalicelib.entrypoints import queues
from chalicelib.jobs import JOBS
from chalicelib.jobs.base import RawJob
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId
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
    broken = RawJob("room_updated", {"room_id": "lobby", "change": "x", "user_id": "b", "at_ms": 1})
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
    assert [job.record() for job in world.adapters.delivery_dead.jobs] == [
        {"kind": "entry", "entry": {"seq": "x"}}
    ]


@pytest.mark.parametrize(
    "body",
    [
        "{not json",
        "[]",
        "{}",
        '{"kind":7}',
        '{"kind":"entry"}',
        '{"kind":"entry","entry":{}}',
        '{"kind":"direct","entry":[],"target":[]}',
        '{"kind":"heartbeat","target":["c"]}',
        '{"kind":"heartbeat","target":7}',
        '{"kind":"retry","name":"typing","data":7,"target":[],"attempt":0}',
    ],
)
def test_what_no_version_can_read_is_buried_at_once(body: str) -> None:
    world = World()
    garbage = {**record(RawJob("x", {}, group="lobby")), "body": body}
    assert failed(queues.deliver(world.services, {"Records": [garbage]})) == []
    assert len(world.adapters.delivery_dead.jobs) == 1


@pytest.mark.parametrize(
    "job",
    [
        RawJob("of_the_next_version", {"room_id": "lobby"}),
        RawJob("presence", {"renamed": "alice"}),
        RawJob("entry", {"entry": {"kind": "edit", "seq": 1}}),
    ],
    ids=lambda job: job.kind,
)
def test_what_another_version_may_read_uses_its_receives(job: RawJob) -> None:
    world = World()
    for receives, delay_s in ((1, 1), (2, 2), (5, 16)):
        strange = named(record(job, receives), "strange")
        assert failed(queues.deliver(world.services, {"Records": [strange]})) == ["strange"]
        assert world.adapters.delivery.hidden.pop() == ("receipt of strange", delay_s)
    assert world.adapters.delivery_dead.jobs == []


def test_jobs_of_a_version_with_more_fields_are_done() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump()
    world.poster.script[bob] = [Outcome.GONE]
    send(world, alice, "lobby", "hi")
    for kind in ("entry", "direct"):
        for each in take(world.adapters.delivery, kind):
            job = json.loads(each["body"])
            job["entry"]["edited"] = {"by": "alice"}
            if "target" in job:
                job["target"].append("of the next version")
            job["more"] = True
            later = {**each, "body": json.dumps(job)}
            assert failed(queues.deliver(world.services, {"Records": [later]})) == []
    assert [got["content"] for got in world.poster.to(bob, "message_received")] == ["hi"]
    assert world.adapters.delivery_dead.jobs == []


class Meeting:
    """A poster whose posts end only when as many are under way as are expected."""

    def __init__(self, expected: int) -> None:
        self._barrier = threading.Barrier(expected, timeout=20)

    def post(self, posts: list[Post], within_ms: int | None = None) -> list[Outcome]:
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


@pytest.mark.parametrize("kind", sorted(JOBS))
def test_values_of_other_types_never_raise_out_of_the_handler(kind: str) -> None:
    """One record that raises would fail its whole batch, again and again."""
    names = [*(each.name for each in fields(JOBS[kind])), "name", "data"]
    for value in (None, 7, "x", [], {}, [[]], {"a": 1}, True):
        records = [{name: value for name in names}, *({name: value} for name in names)]
        for each in records:
            world = World()
            text = json.dumps({**each, "kind": kind})
            record_ = {**record(RawJob("x", {}, group="lobby")), "body": text}
            handler = queues.deliver if JOBS[kind].queue == "delivery" else queues.outbound
            handler(world.services, {"Records": [record_]})


class FreedQueue(MemoryQueue):
    """Sets an event when a worker deletes records before its batch returns."""

    def __init__(self) -> None:
        super().__init__()
        self.freed = threading.Event()

    def delete(self, receipt_handles: Sequence[str]) -> None:
        super().delete(receipt_handles)
        self.freed.set()


def test_a_slow_room_does_not_hold_the_others_of_its_batch() -> None:
    """A group is locked until its records are deleted, and Lambda does so when all have ended."""
    world = World()
    world.room("alice", "bob")
    world.room("alice", "carol", room_id="fast")
    queue = FreedQueue()
    world.services = compose(world.settings, replace(world.adapters, delivery=queue))
    alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
    queue.jobs.clear()
    send(world, alice, "lobby", "slow")
    send(world, alice, "fast", "quick")
    records = take(queue, "entry")

    def slowly(connection_id: ConnectionId) -> Outcome | None:
        if connection_id == bob:
            assert queue.freed.wait(30), "the other room waits for this one"
        return None

    world.poster.rule = slowly
    assert failed(queues.deliver(world.services, {"Records": records})) == []
    assert queue.deleted == [records[1]["receiptHandle"]]
    assert len(world.poster.to(bob)) == len(world.poster.to(carol)) == 1


def test_a_batch_of_one_room_and_what_failed_are_left_to_lambda() -> None:
    world = World()
    world.room("alice", "bob")
    world.room("alice", "carol", room_id="other")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    send(world, alice, "lobby", "one")
    queues.deliver(world.services, {"Records": take(world.adapters.delivery, "entry")})
    assert world.adapters.delivery.deleted == []
    world.poster.rule = lambda each: Outcome.UNSENT
    send(world, alice, "lobby", "two")
    send(world, alice, "other", "three")
    records = take(world.adapters.delivery, "entry")
    assert failed(queues.deliver(world.services, {"Records": records})) == ["entry0"]
    assert set(world.adapters.delivery.deleted) <= {records[1]["receiptHandle"]}
    assert world.poster.to(bob)[-1]["content"] == "one"
