"""An entry that cannot be delivered is set aside: its room goes on, its letter can be sent back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryMessageLog
from chalicelib.composition import compose
from chalicelib.entrypoints import queues
from chalicelib.entrypoints.http import rest
from chalicelib.jobs.base import RawJob
from chalicelib.jobs.delivery import SetAside
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.records import job_to_text
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId, Region, RoomId
from chalicelib.model.log import Entry
from tests.support.faults import How, Plan, at_every_call
from tests.support.world import World, record

TEXT = {"conversation_id": "lobby", "message_type": "text"}
POISON = "poison"


class Fussy:
    """A cache that cannot take entries of one content."""

    def __init__(self, inner: Any, fault: Callable[[], Exception]) -> None:
        self._inner, self._fault = inner, fault
        self.mended = False

    def deliver(self, room_id: RoomId, entries: Sequence[Entry]) -> Any:
        if not self.mended and any(entry.content == POISON for entry in entries):
            raise self._fault()
        return self._inner.deliver(room_id, entries)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def poisoned(fault: Callable[[], Exception] = lambda: RecursionError()) -> tuple[World, Fussy]:
    world = World()
    world.room("alice", "bob")
    fussy = Fussy(world.cache, fault)
    world.services = compose(world.settings, replace(world.adapters, cache=fussy))
    return world, fussy


def people(world: World) -> tuple[str, str]:
    connected = world.connect("alice"), world.connect("bob")
    world.pump()
    return connected


def send(world: World, device: str, *contents: str) -> None:
    for content in contents:
        world.act(device, "send_message", content=content, **TEXT)


def contents(world: World, device: str) -> list[str]:
    return [got["content"] for got in world.poster.to(device, "message_received")]


def letters(world: World) -> list[SetAside]:
    return [job for job in world.adapters.delivery_dead.jobs if isinstance(job, SetAside)]


def test_the_room_goes_on_and_the_entry_has_a_letter() -> None:
    world, _ = poisoned()
    alice, bob = people(world)
    send(world, alice, "one", POISON, "two")
    world.pump()
    assert contents(world, bob) == ["one", "two"], "each once, in order"
    [letter] = letters(world)
    cursor = world.adapters.cursors.get(RoomId("lobby"), Region(world.settings.region))
    assert cursor.seq == 3
    missing = world.http(rest.list_messages, "bob", room_id="lobby").body["messages"][1]
    assert letter.group == "lobby"
    assert letter.message_id == missing["message_id"]
    assert (letter.room_id, letter.region) == ("lobby", world.settings.region)
    assert (letter.first_seq, letter.seq, letter.attempts) == (2, 2, 3)
    assert letter.reason.startswith("RecursionError at ")
    assert POISON not in job_to_text(letter)
    assert world.adapters.delivery.jobs == []


def test_it_is_tried_three_times_before() -> None:
    world, fussy = poisoned()
    alice, bob = people(world)
    send(world, alice, POISON)
    [job] = world.adapters.delivery.jobs
    for receives in (1, 2):
        answer = queues.deliver(world.services, {"Records": [record(job, receives)]})
        assert answer["batchItemFailures"]
        assert letters(world) == []
    fussy.mended = True
    answer = queues.deliver(world.services, {"Records": [record(job, 3)]})
    assert answer == {"batchItemFailures": []}
    assert contents(world, bob) == [POISON]
    assert letters(world) == []


@pytest.mark.parametrize("fault", [lambda: Unavailable("away"), MemoryError])
def test_nothing_is_set_aside_for_what_may_pass(fault: Callable[[], Exception]) -> None:
    world, fussy = poisoned(fault)
    alice, bob = people(world)
    send(world, alice, POISON)
    [job] = world.adapters.delivery.jobs
    for receives in range(1, 7):
        answer = queues.deliver(world.services, {"Records": [record(job, receives)]})
        assert answer["batchItemFailures"]
    assert letters(world) == []
    fussy.mended = True
    queues.deliver(world.services, {"Records": [record(job, 6)]})
    assert contents(world, bob) == [POISON]


def test_a_letter_that_is_sent_back_is_delivered() -> None:
    world, fussy = poisoned()
    alice, bob = people(world)
    send(world, alice, POISON, "two")
    world.pump()
    [letter] = letters(world)
    fussy.mended = True
    world.adapters.delivery.send([letter])
    world.pump()
    assert contents(world, bob) == ["two", POISON]
    assert contents(world, alice) == [], "its sender has its ack"
    assert letters(world) == [letter]


def test_a_letter_whose_entry_still_fails_is_set_aside_again() -> None:
    world, _ = poisoned()
    alice, bob = people(world)
    send(world, alice, POISON)
    world.pump()
    [letter] = letters(world)
    world.adapters.delivery.send([letter])
    world.pump()
    first, second = letters(world)
    assert (first.retries, second.retries) == (0, 1)
    assert first.dedupe != second.dedupe, "SQS would drop it as the same within five minutes"
    assert contents(world, bob) == []


@pytest.mark.parametrize("how", [How.KILLED_BEFORE, How.KILLED_AFTER, How.REFUSED])
def test_dying_anywhere_neither_loses_the_letter_nor_stops_the_room(how: How) -> None:
    def case(plant: Callable[[World], Plan]) -> None:
        world, _ = poisoned()
        alice, bob = people(world)
        send(world, alice, POISON, "two")
        world.adapters = replace(
            world.adapters,
            cache=Fussy(world.cache, lambda: RecursionError()),  # type: ignore[arg-type]
        )
        plan = plant(world)
        world.pump()
        plan.over = True
        got = contents(world, bob)
        assert "two" in got
        # Where the fault spares the entry what makes it fail, it is delivered.
        assert POISON in got or {job.seq for job in letters(world)} == {1}

    struck = at_every_call(how, case)
    assert "delivery_dead.send" in struck
    assert "cursors.advance" in struck


class Torn(MemoryMessageLog):
    """A log of which a room's entries cannot be read."""

    torn: str = ""

    def after(self, room_id: RoomId, *rest: Any) -> list[Entry]:
        self._check(room_id)
        return super().after(room_id, *rest)

    def before(self, room_id: RoomId, *rest: Any) -> list[Entry]:
        self._check(room_id)
        return super().before(room_id, *rest)

    def _check(self, room_id: RoomId) -> None:
        if room_id == self.torn:
            raise KeyError("kind")


def torn() -> tuple[World, Torn]:
    world, log = World(), Torn()
    world.adapters = replace(world.adapters, log=log)
    world.services = compose(world.settings, world.adapters)
    world.room("alice", "bob")
    world.room("alice", "bob", room_id="other")
    return world, log


def test_where_the_log_cannot_be_read_all_up_to_the_known_entry_is_set_aside() -> None:
    world, log = torn()
    alice, bob = people(world)
    send(world, alice, "one", "two", "three")
    log.torn = "lobby"
    del world.adapters.delivery.jobs[:2]
    world.pump()
    [letter] = letters(world)
    assert (letter.first_seq, letter.seq) == (1, 3)
    send(world, alice, "four")
    world.pump()
    assert contents(world, bob) == ["four"]
    log.torn = ""
    world.adapters.delivery.send([letter])
    world.pump()
    assert contents(world, bob) == ["four", "one", "two", "three"]


def test_a_room_that_cannot_be_read_spoils_no_other_answer() -> None:
    world, log = torn()
    alice, bob = people(world)
    send(world, alice, "one")
    world.act(alice, "send_message", **{**TEXT, "conversation_id": "other", "content": "hi"})
    world.cache.flush()
    world.warm()
    log.torn = "lobby"
    for positions in ({}, {"lobby": "", "other": ""}):
        answer = world.act(bob, "sync", positions=positions)["conversations"]
        assert [m["content"] for m in answer["other"]["messages"]] == ["hi"]
        lobby = answer["lobby"]
        assert lobby["error"]["code"] == "internal"
        assert (lobby["messages"], lobby["recovered"], lobby["more"]) == ([], False, False)
    rooms = {r["room_id"]: r for r in world.http(rest.list_rooms, "bob").body["rooms"]}
    assert rooms["lobby"]["error"]["code"] == "internal"
    assert rooms["other"]["unread"] == 1
    assert "error" not in rooms["other"]


@pytest.mark.parametrize("kind", ["part", "direct"])
def test_a_job_of_some_connections_is_given_up(kind: str) -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = people(world)
    send(world, alice, "one")
    [job] = world.adapters.delivery.jobs
    connection = world.adapters.connections.get(ConnectionId(bob))
    assert connection is not None
    # A protocol that no encoder knows.
    odd: Any = [*job_target(connection.target)]
    odd[5] = None
    body = {"entry": job.record()["entry"], "target": odd, "targets": [odd]}
    stuck = RawJob(kind, body, group="c#bob")
    for receives, failed in ((1, True), (2, True), (3, False)):
        answer = queues.deliver(world.services, {"Records": [record(stuck, receives)]})
        assert bool(answer["batchItemFailures"]) is failed
    [letter] = letters(world)
    assert letter.seq == 1


def test_what_is_too_large_for_a_post_has_a_letter() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = people(world)
    world.poster.script[bob] = [Outcome.TOO_LARGE]
    send(world, alice, "one", "two")
    world.pump()
    assert contents(world, bob) == ["two"]
    assert [job.reason for job in letters(world)] == ["too large for a post"]


def job_target(target: Target) -> list[Any]:
    from chalicelib.kernel.records import target_to_json

    return target_to_json(target)


def test_a_large_room_with_a_long_text_is_served() -> None:
    world = World(split_over=2)
    people = [f"user{number:03}" + "u" * 100 for number in range(400)]
    world.room("alice", *people)
    devices = [world.connect(person) for person in people]
    alice = world.connect("alice")
    text = "я" * 32_700
    world.act(alice, "send_message", content=text, **TEXT)
    world.pump()
    assert all(contents(world, device) == [text] for device in devices)
